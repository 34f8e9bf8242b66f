"""Finds notes that are there twice, word for word or nearly so, while keeping only digests of them.

A note becomes a sketch of 32 minima over its hashed word triples (MinHash); the share of equal minima estimates the
Jaccard similarity of two notes. Only notes that agree in a whole band of minima are compared. About 160 bytes a note.

Source: Broder 1997, On the resemblance and containment of documents; Leskovec et al., Mining of Massive Datasets, 3.4
"""

from __future__ import annotations

import random
import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from itertools import groupby

MAX_NOTES = 2_000_000
NEAR = 0.8
_MINIMA = 32
_ROWS_PER_BAND = 4
_SHINGLE_WORDS = 3
_LARGEST_GROUP = 50
_WORD = re.compile(r"\w+")
_MASKS = [random.Random(number).getrandbits(64) for number in range(_MINIMA)]  # noqa: S311 - not for security


@dataclass(frozen=True)
class Twin:
    """A note (its position of arrival) and an earlier one that it repeats."""

    note: int
    earlier: int
    similarity: float
    has_same_label: bool
    is_exact: bool


class SeenNotes:
    """Digests of the notes of a dataset, in the order of arrival."""

    def __init__(self, max_notes: int = MAX_NOTES) -> None:
        self._max_notes = max_notes
        self._texts, self._labels, self._minima = array("Q"), array("Q"), array("Q")
        self.is_full = False

    def __len__(self) -> int:
        return len(self._texts)

    def add(self, note: str, label: str) -> bool:
        """Remember a note and its label; False when there is no room left."""
        if len(self) >= self._max_notes:
            self.is_full = True
            return False
        words = tuple(_WORD.findall(note.lower()))
        self._texts.append(_digest(note))
        self._labels.append(_digest(label))
        self._minima.extend(_sketch(words))
        return True

    def twins(self) -> Iterator[Twin]:
        """Yield the exact repetitions, then the near ones; each note at most once as a repetition."""
        repeated: set[int] = set()
        for group in _groups(self._texts):
            for note in group[1:]:
                repeated.add(note)
                yield Twin(note, group[0], 1.0, self._labels[note] == self._labels[group[0]], is_exact=True)
        for first in range(0, _MINIMA, _ROWS_PER_BAND):
            for group in _groups([self._band(note, first) for note in range(len(self))]):
                yield from self._near([note for note in group if note not in repeated], repeated)

    def _near(self, group: list[int], repeated: set[int]) -> Iterator[Twin]:
        # a band that very many notes share says little; comparing all with all of them would take for ever
        for place, note in enumerate(group):
            for earlier in group[max(0, place - _LARGEST_GROUP) : place]:
                if note not in repeated and (similarity := self._similarity(note, earlier)) >= NEAR:
                    repeated.add(note)
                    yield Twin(note, earlier, similarity, self._labels[note] == self._labels[earlier], is_exact=False)

    def _band(self, note: int, first: int) -> bytes:
        at = note * _MINIMA + first
        return blake2b(self._minima[at : at + _ROWS_PER_BAND].tobytes(), digest_size=8).digest()

    def _similarity(self, note: int, other: int) -> float:
        mine = self._minima[note * _MINIMA : (note + 1) * _MINIMA]
        others = self._minima[other * _MINIMA : (other + 1) * _MINIMA]
        return sum(map(int.__eq__, mine, others)) / _MINIMA


def _groups(keys: array[int] | list[bytes]) -> Iterator[list[int]]:
    """Yield the positions that have equal keys, where there are several."""
    order = sorted(range(len(keys)), key=keys.__getitem__)
    for _, same in groupby(order, key=keys.__getitem__):
        if len(group := list(same)) > 1:
            yield group


def _sketch(words: tuple[str, ...]) -> list[int]:
    ends = range(max(1, len(words) - _SHINGLE_WORDS + 1))
    hashes = {_digest_of_shingle(" ".join(words[start : start + _SHINGLE_WORDS])) for start in ends}
    return [min(map(mask.__xor__, hashes)) for mask in _MASKS]


@lru_cache(maxsize=1 << 16)
def _digest_of_shingle(text: str) -> int:
    return _digest(text[:200])


def _digest(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
