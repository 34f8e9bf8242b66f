"""The charts: round axes, no spike lost, and as many elements as a page can hold."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from fine_tune_slm.report.billing import Stretch
from fine_tune_slm.report.charts import Axes, Point, curve, moving_mean, nice_ticks, thinned
from fine_tune_slm.report.state_chart import state_chart
from fine_tune_slm.timeline import Timeline

AXES = Axes("step", "Loss", "{:.2f}".format)


@pytest.mark.parametrize(
    ("high", "ticks"),
    [
        (2.47, [0, 1, 2, 3]),
        (1.0, [0, 0.25, 0.5, 0.75, 1.0]),
        (0.0015, [0, 0.0005, 0.001, 0.0015]),
        (0, [0, 1]),
        (130_000, [0, 50_000, 100_000, 150_000]),
    ],
)
def test_ticks_are_round_and_reach_the_highest_value(high, ticks):
    assert nice_ticks(high) == pytest.approx(ticks)


def test_a_curve_tells_in_words_where_it_begins_ends_and_turns():
    drawn = curve([Point(1, 2.5), Point(2, 3.0), Point(3, 0.5), Point(4, 1.0)], AXES)
    assert "Loss by step: first 2.50 at 1, last 1.00 at 4, lowest 0.50 at 3, highest 3.00 at 2" in drawn


def test_a_curve_stays_within_its_drawing():
    drawn = curve([Point(step, 7.3 / step) for step in range(1, 50)], AXES)
    places = [tuple(map(float, place.split(","))) for place in re.search(r'points="([^"]+)"', drawn)[1].split()]
    assert len(places) == 49
    assert all(0 <= x <= 720 and 0 <= y <= 240 for x, y in places)


@pytest.mark.parametrize("points", [[], [Point(1, 2.0)], [Point(1, float("nan")), Point(2, 1.0)]])
def test_fewer_than_two_points_are_no_curve(points):
    assert curve(points, AXES) == ""


def test_a_long_curve_is_thinned_without_losing_a_spike():
    points = [Point(step, 1.0) for step in range(100_000)]
    points[77_777] = Point(77_777, 9.0)
    kept = thinned(points)
    assert len(kept) <= 600
    assert Point(77_777, 9.0) in kept
    assert [point.x for point in kept] == sorted(point.x for point in kept)
    assert thinned(points[:600]) == points[:600]


def test_the_moving_mean_lies_in_the_middle_of_what_it_is_the_mean_of():
    rising = [Point(step, float(step)) for step in range(100)]
    smooth = moving_mean(rising, share=0.1)
    assert smooth[50] == Point(50, 50.0)
    assert smooth[0] == Point(0, 2.5)
    noisy = moving_mean([Point(step, 1.0 + step % 2) for step in range(100)])
    assert all(abs(point.y - 1.5) < 0.2 for point in noisy[2:-2])


def test_a_name_that_is_markup_stays_text():
    assert "<b>" not in curve([Point(1, 1.0), Point(2, 2.0)], Axes("step", "<b>", str))


def timeline_of(history, status="ExecutionSucceeded"):
    timeline = Timeline()
    timeline.ingest(history.end(status).events)
    return timeline


def test_each_stay_in_a_state_is_a_bar_and_a_failed_one_looks_otherwise(history):
    drawn = state_chart(timeline_of(history().state("PrepareRun", 4).poll(60).state("StopInstance", 5)), [])
    assert drawn.count('class="bar"') == 5
    failed = state_chart(timeline_of(history().enter("Train").failed_attempt("X").wait(2).leave("Train")), [])
    assert failed.count('class="bad"') == 1


def test_the_time_in_which_the_instance_was_billed_has_a_row_of_its_own(history):
    timeline = timeline_of(history().state("PrepareRun", 10))
    stretch = Stretch(timeline.started_at + timedelta(seconds=5), timeline.ended_at + timedelta(hours=1))
    drawn = state_chart(timeline, [stretch])
    left, width = map(float, re.search(r'class="billed" x="([\d.]+)" y="4" width="([\d.]+)"', drawn).groups())
    assert left == pytest.approx((170 + 706) / 2, abs=0.1)
    assert left + width == pytest.approx(706, abs=0.1)
    assert "instance billed" in drawn


def test_bars_that_would_touch_are_one(history):
    polls = history()
    for _ in range(600):  # two days
        polls.poll(300)
    drawn = state_chart(timeline_of(polls), [])
    assert drawn.count("<rect") < 10


def test_an_execution_that_has_not_ended_has_no_chart(history):
    timeline = Timeline()
    timeline.ingest(history().enter("PrepareRun").events)
    assert state_chart(timeline, []) == ""
