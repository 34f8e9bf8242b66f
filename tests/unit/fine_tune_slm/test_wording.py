from __future__ import annotations

import pytest

from fine_tune_slm.wording import dollars, duration, percent, score


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0.04, "0.0 s"),
        (59.94, "59.9 s"),
        (59.97, "1 min 00 s"),
        (61.4, "1 min 01 s"),
        (3599.6, "1 h 00 min"),
        (7325, "2 h 02 min"),
    ],
)
def test_a_duration_is_as_precise_as_a_reader_needs_it(seconds, text):
    assert duration(seconds) == text


def test_what_was_not_measured_is_a_dash():
    assert (percent(None), score(None), dollars(None)) == ("-", "-", "-")


def test_small_amounts_keep_their_tenth_of_a_cent():
    assert dollars(0.0163) == "$0.0163"
    assert dollars(4.567) == "$4.57"
