"""What is left of a run: ranges out of its own pace, and no more certainty than there is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from slm_core.lease import Launch
from slm_core.prices import load_prices
from slm_core.records import Phase, Progress, Quartiles
from slm_core.sizing.duration import Range

from fine_tune_slm.desk.outlook import (
    AFTERWARDS_HERE,
    AFTERWARDS_IN_ACCOUNT,
    EVALUATION_HIGH,
    EVALUATION_LOW,
    afterwards_in_account,
    outlook,
    rehearsal_outlook,
    time_left,
)
from fine_tune_slm.project import find_project
from fine_tune_slm.wording import progress_detail

NOW = datetime(2030, 1, 2, 12, 0, tzinfo=UTC)
PRICES = load_prices(find_project() / "config" / "prices.yml")
HOURLY = PRICES.price("g6.2xlarge")
TIMED = 57.8
# A rehearsal of 128 steps and 32 notes on 2 cores: what its view and training log told, so many seconds before its end.
RECORDED = [
    (211, {"step": 32, "step_seconds_quartiles": Quartiles(low=1.064, high=1.480), "seconds_left": 118.0}),
    (165, {"step": 64, "step_seconds_quartiles": Quartiles(low=1.064, high=1.473), "seconds_left": 79.0}),
    (116, {"step": 96, "step_seconds_quartiles": Quartiles(low=1.128, high=1.697), "seconds_left": 41.8}),
    (66, {"phase": Phase.EVALUATING_AFTER, "step": 0, "total_steps": 32}),
    (24, {"phase": Phase.EVALUATING_AFTER, "step": 6, "total_steps": 32, "seconds_left": 95.0}),
    (16, {"phase": Phase.PACKAGING, "step": 0, "total_steps": 0}),
]


def progress(**changes) -> Progress:
    content = {"run_id": "r", "fence": 1, "phase": Phase.TRAINING, "step": 20, "total_steps": 80, "updated_at": NOW}
    return Progress(**content | changes)


def launch(begun_hours_ago: float, lasted_hours: float | None = None, instance_type: str = "g6.2xlarge") -> Launch:
    launched_at = NOW - timedelta(hours=begun_hours_ago)
    stopped_at = None if lasted_hours is None else launched_at + timedelta(hours=lasted_hours)
    return Launch(instance_type=instance_type, launched_at=launched_at, stopped_at=stopped_at)


@pytest.mark.parametrize(("took", "told"), RECORDED)
def test_a_recorded_run_ended_within_every_range_that_was_told_of_it_and_not_long_before_its_end(took, told):
    left = rehearsal_outlook(progress(**{"total_steps": 128, "evaluation_seconds": TIMED} | told)).seconds
    assert left.low <= took <= left.high
    assert left.high - took <= 80
    assert took - left.low <= 80


def test_the_time_left_holds_steps_the_evaluation_that_was_timed_and_what_follows():
    left, is_whole = time_left(
        progress(step_seconds_quartiles=Quartiles(low=1, high=2), evaluation_seconds=100), AFTERWARDS_HERE
    )
    assert left.low == 60 * 1 + 100 * EVALUATION_LOW + AFTERWARDS_HERE.low
    assert left.high == 60 * 2 + 100 * EVALUATION_HIGH + AFTERWARDS_HERE.high
    assert is_whole


def test_what_is_said_of_the_whole_run_is_told_from_what_is_left_of_the_phase():
    known = progress(step=75, seconds_left=7.0, evaluation_seconds=TIMED)
    assert "about 7.0 s left of this phase" in progress_detail(known)
    assert str(rehearsal_outlook(known)) == "whole run: 39.5 s to 2 min 01 s to go"
    assert "at most 7.0 s left of this phase" in progress_detail(
        known.model_copy(update={"phase": Phase.EVALUATING_AFTER})
    )


def test_an_evaluation_takes_no_longer_than_the_timed_one_however_few_answers_have_ended():
    begun = {"phase": Phase.EVALUATING_AFTER, "step": 8, "total_steps": 32, "seconds_left": 1000.0}
    nothing = Range(low=0, high=0)
    timed, _ = time_left(progress(**begun, evaluation_seconds=100), nothing)
    untimed, _ = time_left(progress(**begun), nothing)
    assert timed.high == 100 * EVALUATION_HIGH * 0.75
    assert (timed.low / timed.high, untimed.high) == (untimed.low / untimed.high, 1000)
    assert time_left(progress(**begun | {"seconds_left": None}), nothing) == (None, False)


def test_in_an_account_the_instance_must_stop_and_the_adapter_is_moved():
    small, large = afterwards_in_account(0), afterwards_in_account(168_000_000)
    assert small == AFTERWARDS_IN_ACCOUNT
    assert 0 < large.low - small.low < 5
    assert 10 < large.high - small.high < 60
    told = outlook(progress(phase=Phase.PACKAGING, adapter_size_bytes=168_000_000), [launch(1)], PRICES, NOW)
    assert told.seconds == large


def test_an_evaluation_that_was_never_timed_is_named_and_not_guessed():
    told = outlook(progress(step_seconds_quartiles=Quartiles(low=1, high=2)), [launch(1)], PRICES, NOW)
    assert (told.seconds.low, told.seconds.high) == (60, 120)
    assert "1 min 00 s to 2 min 00 s to go, and the last evaluation" in str(told)
    assert "and more to go" in str(told)


@pytest.mark.parametrize("phase", [Phase.DOWNLOADING, Phase.EVALUATING_BEFORE])
def test_before_the_first_step_nothing_is_known(phase):
    told = outlook(progress(phase=phase, seconds_left=50.0), [launch(0.5)], PRICES, NOW)
    assert told.seconds is None
    assert told.to_go_usd is None
    assert str(told) == f"${0.5 * HOURLY:.2f} so far"


def test_the_end_is_near_once_the_model_is_packed():
    for phase in (Phase.PACKAGING, Phase.DONE):
        assert time_left(progress(phase=phase), AFTERWARDS_HERE) == (AFTERWARDS_HERE, True)


def test_every_start_of_the_instance_was_paid_for():
    told = outlook(progress(), [launch(5, 2), launch(1)], PRICES, NOW)
    assert told.spent_usd == pytest.approx(3 * HOURLY)


def test_what_is_to_go_costs_what_the_present_type_does():
    known = progress(step_seconds_quartiles=Quartiles(low=60, high=120), evaluation_seconds=600)
    told = outlook(known, [launch(5, 2, "g5.2xlarge"), launch(1)], PRICES, NOW)
    assert told.to_go_usd.low == pytest.approx(told.seconds.low / 3600 * HOURLY)
    assert "so far, $" in str(told)


def test_without_a_price_or_a_launch_no_dollars_are_told():
    assert outlook(progress(), [launch(1, instance_type="p9.large")], PRICES, NOW).spent_usd is None
    assert outlook(progress(), [], PRICES, NOW).spent_usd is None
    assert rehearsal_outlook(progress()).spent_usd is None
