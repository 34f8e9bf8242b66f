"""When an answer repeats itself without end, as small models do with lists. Pure: it must not import torch."""

from __future__ import annotations

from collections.abc import Sequence

LONGEST_LOOP_TOKENS = 40
LOOP_TIMES = 3


def is_looping(ids: Sequence[int]) -> bool:
    """Return whether the ids end with the same run of 3 to 40 tokens three times: a list that would never end."""
    periods = range(3, min(LONGEST_LOOP_TOKENS, len(ids) // LOOP_TIMES) + 1)
    return any(list(ids[-period * LOOP_TIMES :]) == list(ids[-period:]) * LOOP_TIMES for period in periods)
