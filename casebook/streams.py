"""Seeded streams of choices that are the same on every machine and independent of each other.

A stream belongs to one stage of one case. Only `Random.random` is used underneath, because its sequence is the one
that Python promises to keep between versions.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import TypeVar

Item = TypeVar("Item")


def digest_fraction(*parts: object) -> float:
    """Return a number in [0, 1) that depends on the parts alone."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()
    return int.from_bytes(digest[:7], "big") / float(1 << 56)


class Stream:
    """Deterministic choices for one stage of one case."""

    def __init__(self, seed: int, stage: str, case_id: int, attempt: int = 0) -> None:
        digest = hashlib.sha256(f"{seed}\x1f{stage}\x1f{case_id}\x1f{attempt}".encode()).digest()
        self._random = random.Random(int.from_bytes(digest[:8], "big"))  # noqa: S311 - not for security

    def fraction(self) -> float:
        """Return the next number in [0, 1)."""
        return self._random.random()

    def happens(self, probability: float) -> bool:
        """Return True with the given probability."""
        return self.fraction() < probability

    def integer(self, low: int, high: int) -> int:
        """Return a whole number between low and high, both included."""
        return low + int(self.fraction() * (high - low + 1))

    def pick(self, items: Sequence[Item]) -> Item:
        """Return one of the items, all equally likely."""
        return items[int(self.fraction() * len(items))]

    def weighted(self, items: Sequence[tuple[Item, float]]) -> Item:
        """Return one of the items with probability in proportion to its weight."""
        point = self.fraction() * sum(weight for _, weight in items)
        for item, weight in items:
            point -= weight
            if point < 0:
                return item
        return items[-1][0]

    def sample(self, items: Sequence[Item], count: int) -> list[Item]:
        """Return up to `count` different items in random order."""
        pool = list(items)
        chosen: list[Item] = []
        while pool and len(chosen) < count:
            chosen.append(pool.pop(int(self.fraction() * len(pool))))
        return chosen

    def shuffled(self, items: Sequence[Item]) -> list[Item]:
        """Return the items in random order."""
        return self.sample(items, len(items))
