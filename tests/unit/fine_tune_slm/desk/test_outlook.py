"""What is left of a run: ranges out of its own pace, and no more certainty than there is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from slm_core.lease import Launch
from slm_core.prices import load_prices
from slm_core.records import Phase, Progress, Quartiles

from fine_tune_slm.desk.outlook import AFTERWARDS, outlook, time_left
from fine_tune_slm.project import find_project

NOW = datetime(2030, 1, 2, 12, 0, tzinfo=UTC)
PRICES = load_prices(find_project() / "config" / "prices.yml")
HOURLY = PRICES.price("g6.2xlarge")


def progress(**changes) -> Progress:
    content = {"run_id": "r", "fence": 1, "phase": Phase.TRAINING, "step": 20, "total_steps": 80, "updated_at": NOW}
    return Progress(**content | changes)


def launch(begun_hours_ago: float, lasted_hours: float | None = None, instance_type: str = "g6.2xlarge") -> Launch:
    launched_at = NOW - timedelta(hours=begun_hours_ago)
    stopped_at = None if lasted_hours is None else launched_at + timedelta(hours=lasted_hours)
    return Launch(instance_type=instance_type, launched_at=launched_at, stopped_at=stopped_at)


def test_the_time_left_holds_steps_the_evaluation_that_was_timed_and_what_follows():
    left, is_whole = time_left(progress(step_seconds_quartiles=Quartiles(low=1, high=2), evaluation_seconds=100))
    assert (left.low, left.high) == (60 * 1 + 50 + AFTERWARDS.low, 60 * 2 + 150 + AFTERWARDS.high)
    assert is_whole


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
    assert time_left(progress(phase=Phase.PACKAGING)) == (AFTERWARDS, True)
    left, is_whole = time_left(progress(phase=Phase.EVALUATING_AFTER, seconds_left=100.0))
    assert left.low < 100 + AFTERWARDS.low <= 100 + AFTERWARDS.high < left.high
    assert is_whole


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
    assert outlook(progress(), [launch(1)], None, NOW).spent_usd is None
