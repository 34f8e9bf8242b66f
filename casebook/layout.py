"""Puts the clauses of a draft into the order and dress of a genre and returns the note with its spans."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from casebook.clauses import BLOCKS, Draft
from casebook.grammar import Piece, Writer, text_of
from casebook.streams import Stream

_HEADED = re.compile(r"^(.*?)((?:\b(?:" + "|".join(BLOCKS) + r")\b ?)+)$", re.DOTALL)
_OWN_HEADING = re.compile(r"^[A-Z][\w/ -]*(?:: | - )")
_COMMON_START = re.compile(r"(?!Mrs? |Dr )[A-Z]?[a-z]*(?: |$)")


@dataclass(frozen=True)
class Span:
    """A stretch of the note that carries a tag; offsets count characters."""

    start: int
    end: int
    tag: str


def compose(draft: Draft, genre: dict[str, Any], stream: Stream) -> list[Piece]:
    """Return the pieces of the whole note, clauses in the genre's order; `genre` holds the lists of layout.yml too."""
    blocks = {name: _shuffled_tail(name, clauses, stream) for name, clauses in draft.blocks.items()}
    separator = genre.get("separator", " ")
    writer = Writer(stream, {})
    lines = [text_of(writer.expand(line, {})) for line in stream.pick(genre["layouts"])]
    chunks = [_chunk(line, blocks, genre, stream) for line in lines]
    pieces: list[Piece] = []
    for chunk in filter(None, chunks):
        pieces += ([Piece(separator)] if pieces else []) + chunk
    return _letter(pieces, genre, stream) if genre.get("letter") else pieces


def _shuffled_tail(name: str, clauses: list[list[Piece]], stream: Stream) -> list[list[Piece]]:
    """Return the clauses of a block; those of `findings` and `extras` in any order."""
    return stream.shuffled(clauses) if name in {"findings", "extras"} else clauses


def _chunk(line: str, blocks: dict[str, list[list[Piece]]], genre: dict[str, Any], stream: Stream) -> list[Piece]:
    match = _HEADED.match(line)
    heading, names = (match[1], match[2].split()) if match else ("", line.split())
    clauses = [clause for name in names for clause in blocks[name]]
    if not clauses:
        return []
    if heading.endswith("each "):
        return _listed(heading.removesuffix("each "), clauses)
    if heading.endswith((": ", " - ", " = ")):
        clauses = [_without_own_heading(clauses[0]), *clauses[1:]]
    pieces: list[Piece] = [Piece(heading)] if heading else []
    for index, clause in enumerate(clauses):
        linked = _linked(pieces, clause, genre, stream) if index else clause
        if genre.get("dictated") and stream.happens(0.18):
            pieces.append(Piece(stream.pick(genre["disfluencies"])))
        pieces += linked
    return pieces


def _listed(heading: str, clauses: list[list[Piece]]) -> list[Piece]:
    """Return one line for each clause; all begin with the bullet or number that stands last in the heading."""
    *above, bullet = heading.rpartition("\n")
    pieces: list[Piece] = []
    for index, clause in enumerate(clauses):
        sign = bullet.replace("1", str(index + 1), 1)
        pieces += [Piece(f"\n{sign}" if index else "".join(above) + sign), *clause]
    return pieces


def _linked(pieces: list[Piece], clause: list[Piece], genre: dict[str, Any], stream: Stream) -> list[Piece]:
    """Return the next clause ready to follow `pieces`: a sentence of its own, introduced, or joined to the last one."""
    can_follow = _begins_with_a_common_word(clause)
    if pieces[-1].text.endswith(".") and can_follow and stream.happens(genre.get("joining", 0.3)):
        pieces[-1] = Piece(pieces[-1].text[:-1] + stream.pick(genre["joints"]), pieces[-1].tag)
        return _uncapitalised(clause)
    pieces.append(Piece(" "))
    if can_follow and stream.happens(genre.get("introducing", 0.14)):
        pieces.append(Piece(stream.pick(genre["introductions"])))
        return _uncapitalised(clause)
    return clause


def _begins_with_a_common_word(clause: list[Piece]) -> bool:
    return clause[0].tag is None and bool(_COMMON_START.match(clause[0].text)) and ": " not in clause[0].text


def _uncapitalised(clause: list[Piece]) -> list[Piece]:
    return [Piece(clause[0].text[:1].lower() + clause[0].text[1:], clause[0].tag), *clause[1:]]


def _without_own_heading(clause: list[Piece]) -> list[Piece]:
    """Return the clause without a "Dx: " of its own, which the heading of its section already says."""
    first = clause[0]
    text = _OWN_HEADING.sub("", first.text) if first.tag is None else first.text
    return [Piece(text, first.tag), *clause[1:]]


def _letter(pieces: list[Piece], genre: dict[str, Any], stream: Stream) -> list[Piece]:
    opening, closing = stream.pick(genre["letter_openings"]), stream.pick(genre["letter_closings"])
    return [Piece(opening), *pieces, Piece(closing)] if closing else [Piece(opening), *pieces]


def render(pieces: list[Piece]) -> tuple[str, list[Span]]:
    """Return the text of the pieces and the spans of those that carry a tag."""
    spans: list[Span] = []
    offset = 0
    for piece in pieces:
        if piece.tag:
            spans.append(Span(offset, offset + len(piece.text), piece.tag))
        offset += len(piece.text)
    return text_of(pieces), spans
