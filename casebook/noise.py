"""Surface noise: abbreviations, spelling, units, typos, lost capitals; tagged text keeps drugs, variants, numbers.

Each kind is drawn by its share of the notes and named only when it changed something.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import groupby

from casebook.catalogue import Catalogue
from casebook.grammar import Piece, text_of
from casebook.streams import Stream

_WORD = re.compile(r"\b[a-z]{5,}\b")
_MOST_TYPOS = 3
_ABBREVIATED_SHARE = 0.75
_SCANNED_SHARE = 0.12
# Units that another laboratory or country uses: pattern, factor, decimals, unit.
_UNITS: tuple[tuple[re.Pattern[str], float, int, str], ...] = (
    (re.compile(r"(?<=\bHb )(\d+\.\d) g/dL"), 10.0, 0, " g/L"),
    (re.compile(r"(?<=creatinine )(\d\.\d+) mg/dL", re.IGNORECASE), 88.4, 0, " \u00b5mol/L"),
    (re.compile(r"\b(\d{2,3}) kg\b"), 2.2046, 0, " lb"),
    (re.compile(r"\b([1-9]\d) mm\b(?! ?Hg|/)"), 0.1, 1, " cm"),
    (re.compile(r"\b(\d\.\d) cm\b"), 10.0, 0, " mm"),
)


def add_noise(
    pieces: list[Piece], data: Catalogue, stream: Stream, *, is_scanned: bool = False
) -> tuple[list[Piece], tuple[str, ...]]:
    """Return the pieces as a hurried or careful author would have typed them, and the kinds of noise they got."""
    share = data.noise["share"]
    is_british = stream.happens(share["british"])
    pieces = _joined_untagged(pieces)
    changed: list[str] = []
    american = [Piece(_replaced(piece.text, data.noise["american"]), piece.tag) for piece in pieces]
    if not is_british:
        pieces = american
    elif american != pieces:
        changed.append("british")
    for kind in ("units", "abbreviations", "typos", "lower", "punctuation"):
        if stream.happens(share[kind]):
            noisy = _noisy(kind, pieces, data, stream)
            changed += [kind] if noisy != pieces else []
            pieces = noisy
    return (_scanned(pieces, stream) if is_scanned else pieces), tuple(changed)


def _noisy(kind: str, pieces: list[Piece], data: Catalogue, stream: Stream) -> list[Piece]:
    if kind == "typos":
        return _with_typos(pieces, stream)
    if kind == "lower":
        return [Piece(piece.text.lower(), piece.tag) for piece in pieces]
    if kind == "units":
        return [piece if piece.tag else Piece(_converted(piece.text)) for piece in pieces]
    if kind == "punctuation":
        return [piece if piece.tag else Piece(_unpunctuated(piece.text)) for piece in pieces]
    table = data.noise["abbreviations"]
    kept = {word: short for word, short in table.items() if stream.happens(_ABBREVIATED_SHARE)}
    return [piece if piece.tag or not kept else Piece(_replaced(piece.text, kept)) for piece in pieces]


def _joined_untagged(pieces: list[Piece]) -> list[Piece]:
    """Return the pieces with neighbours that carry no tag as one, so that words and units are seen whole."""
    joined: list[Piece] = []
    for is_tagged, group in groupby(pieces, key=lambda piece: piece.tag is not None):
        found = list(group)
        joined += found if is_tagged else [Piece(text_of(found))]
    return joined


def _converted(text: str) -> str:
    for pattern, factor, decimals, unit in _UNITS:
        text, count = pattern.subn(
            lambda match, factor=factor, decimals=decimals, unit=unit: (  # type: ignore[misc]
                f"{float(match[1]) * factor:.{decimals}f}{unit}"
            ),
            text,
        )
        if count:
            break  # one laboratory, one habit; and what was converted is not converted back
    return text


def _unpunctuated(text: str) -> str:
    """Return the text as of someone who types no commas and ends sentences with a line or nothing."""
    text = re.sub(r"(?<=[a-z]), (?=[a-z])", " ", text)
    return re.sub(r"(?<=[a-z])\.(?= [A-Z]|\n|$)", "", text)


def _scanned(pieces: list[Piece], stream: Stream) -> list[Piece]:
    """Return the pieces as a fax would be read: letters confused and lines broken, in untagged text only."""

    def read(text: str) -> str:
        words = [word if not stream.happens(_SCANNED_SHARE) else _misread(word, stream) for word in text.split(" ")]
        return " ".join(words)

    return [piece if piece.tag else Piece(read(piece.text)) for piece in pieces]


def _misread(word: str, stream: Stream) -> str:
    pairs = [("l", "1"), ("o", "0"), ("rn", "m"), ("m", "rn"), ("i", "l"), ("e", "c"), ("S", "5")]
    fitting = [pair for pair in pairs if pair[0] in word]
    return word.replace(*stream.pick(fitting), 1) if fitting and len(word) > 3 else word


@lru_cache(maxsize=64)
def _pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(words, key=len, reverse=True)
    return re.compile(r"(?<![\w-])(" + "|".join(map(re.escape, longest_first)) + r")(?![\w])")


def _replaced(text: str, table: Mapping[str, str]) -> str:
    return _pattern(tuple(table)).sub(lambda match: table[match[0]], text)


def _with_typos(pieces: list[Piece], stream: Stream) -> list[Piece]:
    """Return the pieces with one to three slips of the hand in plain words."""
    changed = list(pieces)
    for _ in range(stream.integer(1, _MOST_TYPOS)):
        places = [
            (index, match.start(), match.end())
            for index, piece in enumerate(changed)
            if piece.tag is None
            for match in _WORD.finditer(piece.text)
        ]
        for index, start, end in stream.sample(places, 1):
            text = changed[index].text
            changed[index] = Piece(text[:start] + _slip(text[start:end], stream) + text[end:])
    return changed


def _slip(word: str, stream: Stream) -> str:
    """Return the word with two letters swapped, one lost or one doubled; its first and last letters stay."""
    at = stream.integer(1, len(word) - 3)
    kind = stream.pick(("swap", "swap", "lose", "double"))
    if kind == "swap":
        return word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return word[:at] + (word[at + 1 :] if kind == "lose" else word[at] + word[at:])
