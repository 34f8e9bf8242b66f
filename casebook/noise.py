"""Surface noise: abbreviations, spelling, typos, lost capitals; tagged text keeps its drugs, variants and numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from casebook.catalogue import Catalogue
from casebook.grammar import Piece
from casebook.streams import Stream

_WORD = re.compile(r"\b[a-z]{5,}\b")


def add_noise(pieces: list[Piece], data: Catalogue, stream: Stream, is_scanned: bool = False) -> list[Piece]:
    """Return the pieces as a hurried or careful author would have typed them."""
    share = data.noise["share"]
    if not stream.happens(share["british"]):
        pieces = [Piece(_replaced(piece.text, data.noise["american"]), piece.tag) for piece in pieces]
    if stream.happens(share["abbreviations"]):
        pieces = [piece if piece.tag else Piece(_replaced(piece.text, data.noise["abbreviations"])) for piece in pieces]
    if stream.happens(share["typos"]):
        pieces = _with_typo(pieces, stream)
    if stream.happens(share["lower"]):
        pieces = [Piece(piece.text.lower(), piece.tag) for piece in pieces]
    return _scanned(pieces, stream) if is_scanned else pieces


def _scanned(pieces: list[Piece], stream: Stream) -> list[Piece]:
    """Return the pieces as a fax would be read: letters confused and lines broken, in untagged text only."""

    def read(text: str) -> str:
        words = [word if not stream.happens(0.12) else _misread(word, stream) for word in text.split(" ")]
        return " ".join(words)

    return [piece if piece.tag else Piece(read(piece.text)) for piece in pieces]


def _misread(word: str, stream: Stream) -> str:
    pairs = [("l", "1"), ("o", "0"), ("rn", "m"), ("m", "rn"), ("i", "l"), ("e", "c"), ("S", "5")]
    fitting = [pair for pair in pairs if pair[0] in word]
    return word.replace(*stream.pick(fitting), 1) if fitting and len(word) > 3 else word


@lru_cache(maxsize=8)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile(r"(?<![\w-])(" + "|".join(map(re.escape, longest_first)) + r")(?![\w])")


def _replaced(text: str, table: Mapping[str, str]) -> str:
    return _pattern(tuple(table)).sub(lambda match: table[match[0]], text)


def _with_typo(pieces: list[Piece], stream: Stream) -> list[Piece]:
    places = [
        (index, match.start())
        for index, piece in enumerate(pieces)
        if piece.tag is None
        for match in _WORD.finditer(piece.text)
    ]
    changed = list(pieces)
    for index, start in stream.sample(places, 1):
        text = changed[index].text
        at = start + stream.integer(1, 3)
        changed[index] = Piece(text[:at] + text[at + 1] + text[at] + text[at + 2 :])
    return changed
