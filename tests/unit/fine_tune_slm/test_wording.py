from __future__ import annotations

import pytest

from fine_tune_slm.wording import dollars, duration, percent, score, sparkline


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


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ([], ""),
        ([1.0], ""),
        ([1.0, 1.0], "▁▁"),
        ([8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0], "█▇▆▅▄▃▂▁"),
        ([2.0] * 20 + [1.0] * 20, "█" * 10 + "▁" * 10),
    ],
)
def test_the_course_of_the_loss_is_a_line_of_bars(values, line):
    assert sparkline(values) == line
