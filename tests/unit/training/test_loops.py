"""A small model may repeat the items of a list for ever: the way out of it."""

from __future__ import annotations

import pytest

from training.loops import is_looping


@pytest.mark.parametrize("ids", [[9, 1, 2, 3, 1, 2, 3, 1, 2, 3], list(range(40)) * 3])
def test_the_same_run_three_times_is_a_loop(ids: list[int]) -> None:
    assert is_looping(ids)


@pytest.mark.parametrize(
    "ids", [[], [1, 2, 3, 1, 2, 3], [1, 2, 3, 1, 2, 3, 1, 2, 4], [5, 6, 5, 6, 5, 6], list(range(41)) * 3]
)
def test_what_is_said_twice_or_in_pairs_is_none(ids: list[int]) -> None:
    assert not is_looping(ids)
