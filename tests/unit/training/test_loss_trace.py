"""The course of the loss stays short however long the training is, and loses no stretch of it."""

from __future__ import annotations

from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.loss_trace import MOST_VALUES, LossTrace


def traced(losses) -> tuple[float, ...]:
    trace = LossTrace()
    for loss in losses:
        trace.add(loss)
    return trace.values


def test_a_short_course_is_told_step_by_step():
    assert traced([3.0, 2.0, 1.0]) == (3.0, 2.0, 1.0)
    assert traced([]) == ()


def test_a_long_course_is_told_in_means_with_the_unfinished_stretch_last():
    values = traced(range(61))
    assert values[:3] == (0.5, 2.5, 4.5)
    assert values[-1] == 60


@given(st.integers(min_value=0, max_value=3000))
def test_a_course_of_any_length_fits_a_heartbeat_and_falls_as_the_loss_does(count):
    values = traced([float(count - step) for step in range(count)])
    assert len(values) <= MOST_VALUES
    assert list(values) == sorted(values, reverse=True)


def test_the_means_are_those_of_all_steps():
    losses = [float(step % 7) for step in range(240)]
    assert fmean(traced(losses)) == pytest.approx(fmean(losses))
