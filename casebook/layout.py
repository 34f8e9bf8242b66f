"""Puts the clauses of a draft into the order and dress of a genre and returns the note with its spans."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from casebook.clauses import BLOCKS, Clause, Draft
from casebook.grammar import Piece, Writer, text_of
from casebook.joints import Joints, is_poor, lowered
from casebook.streams import Stream

_HEADED = re.compile(r"^(.*?)((?:\b(?:" + "|".join(BLOCKS) + r")\b ?)+)$", re.DOTALL)
_HEADING_NUMBER = re.compile(r"^(#|Q|Item |)\d(\)|:| )")
_HEADING = re.compile(r"^(.*?)(: | - | = )$", re.DOTALL)
_OWN_HEADING = re.compile(r"^[A-Z][\w/ -]*(?:: | - )")
_LINE_NUMBER = re.compile(r"(\d)\) ")
_PLAIN_ORDER_SHARE = 0.7
_HEADING_AS_WRITTEN_SHARE = 0.4
_HEADING_MARKS = (": ", ": ", ": ", " - ", " -- ", ":\n", " = ")


@dataclass(frozen=True)
class Span:
    """A stretch of the note that carries a tag; offsets count characters."""

    start: int
    end: int
    tag: str


def compose(draft: Draft, genre: dict[str, Any], stream: Stream) -> list[Piece]:
    """Return the pieces of the whole note, clauses in the genre's order; `genre` holds the lists of layout.yml too."""
    blocks = {name: _shuffled(name, clauses, stream) for name, clauses in draft.blocks.items()}
    separator = genre.get("separator", " ")
    joints = Joints(genre, stream)
    writer = Writer(stream, {})
    layout = [text_of(writer.expand(line, {})) for line in stream.pick(genre["layouts"])]
    dress = _dress(stream)
    layout = _numbered([_line(line, stream) for line in layout if _has_content(line, blocks)])
    chunks = [_chunk(line, blocks, joints, dress) for line in layout]
    chunks = _merged([chunk for chunk in chunks if chunk], joints, separator)
    pieces: list[Piece] = []
    for chunk in chunks:
        pieces += ([Piece(separator)] if pieces else []) + chunk
    return _letter(pieces, genre, stream) if genre.get("letter") else pieces


def _has_content(line: str, blocks: dict[str, list[Clause]]) -> bool:
    match = _HEADED.match(line)
    return any(blocks[name] for name in (match[2] if match else line).split())


def _numbered(lines: list[str]) -> list[str]:
    """Return the lines with the numbers of their headings in sequence; a list numbers its own items."""
    numbers = iter(range(1, len(lines) + 1))
    return [
        line if "each " in line else _HEADING_NUMBER.sub(lambda match: f"{match[1]}{next(numbers)}{match[2]}", line)
        for line in lines
    ]


def _shuffled(name: str, clauses: list[Clause], stream: Stream) -> list[Clause]:
    """Return the clauses of a block; those of `findings` in any order."""
    return stream.shuffled(clauses) if name == "findings" else clauses


def _line(line: str, stream: Stream) -> str:
    """Return a line of a layout; a plain run of blocks may have two neighbours change places after the opening."""
    names = line.split(" ")
    if len(names) < len(BLOCKS) or not set(names) <= set(BLOCKS) or stream.happens(_PLAIN_ORDER_SHARE):
        return line
    at = stream.integer(1, len(names) - 2)
    names[at], names[at + 1] = names[at + 1], names[at]
    return " ".join(names)


@dataclass(frozen=True)
class _Dress:
    """How one note writes its headings."""

    mark: str
    is_upper: bool
    is_lower: bool
    as_written: bool

    def of(self, heading: str) -> str:
        """Return a heading such as "Stage: " as this note writes it."""
        match = _HEADING.match(heading)
        if not match or self.as_written:
            return heading
        words = match[1].upper() if self.is_upper else match[1].lower() if self.is_lower else match[1]
        return words + self.mark


def _dress(stream: Stream) -> _Dress:
    look = stream.fraction()
    mark = stream.pick(_HEADING_MARKS)
    return _Dress(mark, look < 0.3, look > 0.85, stream.happens(_HEADING_AS_WRITTEN_SHARE))


def _chunk(line: str, blocks: dict[str, list[Clause]], joints: Joints, dress: _Dress) -> list[Piece]:
    match = _HEADED.match(line)
    heading, names = (match[1], match[2].split()) if match else ("", line.split())
    clauses = [(name, clause) for name in names for clause in blocks[name]]
    if not clauses:
        return []
    if heading.endswith("each "):
        return _listed(heading.removesuffix("each "), [clause.pieces for _, clause in clauses])
    pieces: list[Piece] = [Piece(dress.of(heading))] if heading else []
    for index, (name, clause) in enumerate(clauses):
        own = clause.pieces
        if index == 0 and heading.endswith((": ", " - ", " = ")):
            own = _under_heading(heading, own)
        if joints.genre.get("dictated") and joints.stream.happens(0.18):
            pieces += _hesitant(own, joints, is_first=index == 0)
        else:
            topic = clause.kind if clause.kind.startswith("filler") else name
            pieces += joints.linked(pieces, own, topic, is_first=index == 0)
    return pieces


def _hesitant(clause: list[Piece], joints: Joints, *, is_first: bool) -> list[Piece]:
    """Return the clause with one of the noises that people make while they dictate before it."""
    noise = joints.hesitation()
    opened = noise[:1].upper() + noise[1:]
    return [Piece(opened if is_first else " " + opened), *(lowered(clause) if noise.endswith(", ") else clause)]


def _listed(heading: str, clauses: list[list[Piece]]) -> list[Piece]:
    """Return one line for each clause; all begin with the bullet or number that stands last in the heading."""
    *above, bullet = heading.rpartition("\n")
    pieces: list[Piece] = []
    for index, clause in enumerate(clauses):
        sign = bullet.replace("1", str(index + 1), 1)
        pieces += [Piece(f"\n{sign}" if index else "".join(above) + sign), *clause]
    return pieces


def _under_heading(heading: str, clause: list[Piece]) -> list[Piece]:
    """Return the clause without a "Dx: " or "stage" of its own, which the heading of its section already says."""
    at = next((index for index, piece in enumerate(clause) if piece.tag is not None), len(clause))
    first = clause[0]
    if 0 < at < len(clause):
        return [Piece(_OWN_HEADING.sub("", text_of(clause[:at]))), *clause[at:]]
    if "stag" in heading.lower() and (first.tag or "").startswith("stage|"):
        return [Piece(re.sub(r"^[Ss]tage ", "", first.text), first.tag), *clause[1:]]
    return clause


def _merged(lines: list[list[Piece]], joints: Joints, separator: str) -> list[list[Piece]]:
    """Return the lines; one with next to no words of its own goes to the end of the line before it."""
    merged: list[list[Piece]] = []
    for line in lines:
        if merged and separator == "\n" and is_poor(line) and not re.search("^#|\n", line[0].text):
            merged[-1] += joints.appended(merged[-1], line)
        else:
            merged.append(line)
    return _renumbered(merged) if len(merged) < len(lines) else merged


def _renumbered(lines: list[list[Piece]]) -> list[list[Piece]]:
    """Return the lines; those that are numbered have no number left out between them."""
    number = 0
    for line in lines:
        match = _LINE_NUMBER.match(line[0].text) if line[0].tag is None else None
        if match:
            number += 1
            line[0] = Piece(f"{number}{line[0].text[match.end(1) :]}")
    return lines


def _letter(pieces: list[Piece], genre: dict[str, Any], stream: Stream) -> list[Piece]:
    closing = stream.pick(genre["letter_closings"])
    opened = [Piece(stream.pick(genre["letter_openings"])), *pieces]
    return [*opened, Piece(closing)] if closing else opened


def render(pieces: list[Piece]) -> tuple[str, list[Span]]:
    """Return the text of the pieces and the spans of those that carry a tag."""
    spans: list[Span] = []
    offset = 0
    for piece in pieces:
        if piece.tag:
            spans.append(Span(offset, offset + len(piece.text), piece.tag))
        offset += len(piece.text)
    return text_of(pieces), spans
