"""Resampling."""

import random

import pytest

from extraction.bootstrap import intervals, resampled_totals


def test_a_resample_sums_as_many_rows_as_there_are():
    rows = [(1, 0, 7), (2, 5, 7), (0, 1, 7)]
    for totals in resampled_totals(rows, times=50, seed=1):
        assert totals[2] == 3 * 7
        assert 0 <= totals[0] <= 3 * 2


def test_the_same_seed_gives_the_same_resamples():
    rows = [(number, 1) for number in range(20)]
    first, second = (list(resampled_totals(rows, times=20, seed=seed)) for seed in (5, 5))
    assert first == second
    assert first != list(resampled_totals(rows, times=20, seed=6))


def test_rows_that_are_all_alike_have_an_interval_of_one_point():
    assert intervals([(3, 4)] * 10, lambda totals: [totals[0] / totals[1]], times=100, seed=1) == [(0.75, 0.75)]


def test_the_interval_of_a_mean_is_about_four_standard_errors_wide():
    draw = random.Random(3)  # noqa: S311
    rows = [(int(draw.random() < 0.5), 1) for _ in range(400)]
    ((low, high),) = intervals(rows, lambda totals: [totals[0] / totals[1]], times=1000, seed=1)
    assert low < 0.5 < high
    assert high - low == pytest.approx(4 * (0.25 / 400) ** 0.5, rel=0.2)


def test_large_counts_do_not_spill_into_their_neighbours():
    assert next(resampled_totals([(10**9, 0)] * 100, times=1, seed=1)) == (10**11, 0)


def test_an_interval_of_no_resamples_is_refused():
    with pytest.raises(ValueError, match="at least one resample"):
        intervals([(1, 1)], lambda totals: [1.0], times=0, seed=1)
