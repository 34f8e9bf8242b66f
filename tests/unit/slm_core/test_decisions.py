"""What to do next, from what was seen."""

from datetime import timedelta

import pytest
from slm_core import decisions
from slm_core.decisions import HowItGoes
from slm_core.errors import leaves
from slm_core.records import Metrics, Outcome, Progress
from slm_core.training_config import GateConfig, LimitsConfig

from tests.unit.emulated_account import START, metrics_json

GATE = GateConfig(macro_f1_min=0.8, field_f1_min=0.6, json_valid_min=0.98, ungrounded_max=0.1)


def _limits(**changes):
    limits = {"max_hours": 6, "budget_usd": 10, "max_relaunches": 3, "stall_minutes": 10}
    return LimitsConfig.model_validate(limits | changes)


def _outcome(**changes):
    return Outcome.model_validate({"run_id": "run-1", "fence": 1, "status": "killed"} | changes)


def _progress(**changes):
    progress = {"run_id": "run-1", "fence": 1, "phase": "training", "updated_at": START}
    return Progress.model_validate(progress | changes)


@pytest.mark.parametrize(
    ("seconds_left", "expected"), [(None, 30), (0, 15), (29, 15), (60, 30), (61, 30), (600, 300), (1e6, 300)]
)
def test_the_next_poll_comes_after_half_of_the_time_left(seconds_left, expected):
    assert decisions.next_poll_seconds(seconds_left) == expected


@pytest.mark.parametrize(("max_hours", "budget_usd", "hours"), [(6, 10, 5), (6, 100, 6), (1, 10, 1)])
def test_the_deadline_is_whichever_ends_first(max_hours, budget_usd, hours):
    limits = _limits(max_hours=max_hours, budget_usd=budget_usd)
    assert decisions.deadline(START, limits, usd_per_hour=2) == START + timedelta(hours=hours)


@pytest.mark.parametrize(
    ("minutes", "median_step_seconds", "is_stalled"), [(9, 1, False), (11, 1, True), (11, 180, False), (16, 180, True)]
)
def test_silence_is_a_stall_after_the_limit_and_several_steps(minutes, median_step_seconds, is_stalled):
    progress = _progress(median_step_seconds=median_step_seconds)
    now = START + timedelta(minutes=minutes)
    assert decisions.is_stalled(progress, START - timedelta(hours=1), now, stall_minutes=10) is is_stalled


def test_a_relaunch_is_not_judged_by_the_silence_before_it():
    sent_at = START + timedelta(hours=1)
    assert not decisions.is_stalled(_progress(), sent_at, sent_at + timedelta(minutes=9), stall_minutes=10)
    assert decisions.is_stalled(None, sent_at, sent_at + timedelta(minutes=11), stall_minutes=10)


@pytest.mark.parametrize("name", [name for name, leaf in leaves().items() if 20 <= leaf.exit_code < 28])
def test_a_failure_that_the_training_names_fails_under_that_name(name):
    told = decisions.judge_outcome(_outcome(status="failed", error=name, message="A sentence"))
    assert told == HowItGoes(status="failed", error=name, reason="A sentence")


def test_a_failure_under_an_unknown_name_is_a_failed_training():
    assert decisions.judge_outcome(_outcome(status="failed", error="Whatever")).error == "TrainingFailedError"


@pytest.mark.parametrize("code", [137, 143, 139, 134, 125, None])
def test_a_killed_container_is_relaunched(code):
    assert decisions.judge_outcome(_outcome(exit_code=code)).status == "relaunch"


def test_an_interrupted_training_is_relaunched():
    told = decisions.judge_outcome(_outcome(status="failed", error="TrainingInterruptedError", exit_code=28))
    assert told.status == "relaunch"


@pytest.mark.parametrize(
    ("outcome", "error"),
    [
        ({"exit_code": 137, "oom_killed": True}, "TrainingOutOfMemoryError"),
        ({"exit_code": 1}, "TrainingFailedError"),
        ({"exit_code": 126}, "TrainingFailedError"),
        ({"exit_code": 127}, "TrainingFailedError"),
        ({"exit_code": 25}, "DiskFullError"),
    ],
)
def test_a_death_that_would_happen_again_is_a_failure(outcome, error):
    assert decisions.judge_outcome(_outcome(**outcome)).error == error


def test_success_and_running_are_what_they_say():
    assert decisions.judge_outcome(_outcome(status="succeeded")).status == "succeeded"
    assert decisions.judge_outcome(_outcome(status="running")) == decisions.RUNNING


def _missed(**changes):
    after = Metrics.model_validate_json(metrics_json(**changes)).after
    return [score.name for score in decisions.assess(after, GATE) if not score.is_met]


def test_a_model_on_the_bounds_meets_the_gate():
    assert _missed(macro_f1=0.8, json_valid=0.98, ungrounded_rate=0.1) == []


@pytest.mark.parametrize(
    ("changes", "name"),
    [({"macro_f1": 0.79}, "macro-F1"), ({"json_valid": 0.97}, "JSON valid"), ({"ungrounded_rate": 0.11}, "ungrounded")],
)
def test_each_bound_is_held(changes, name):
    assert _missed(**changes) == [name]


def test_the_worst_field_is_named():
    scores = {"precision": 1, "recall": 1, "f1_interval": {"low": 0, "high": 1}}
    fields = {"stage": scores | {"f1": 0.59}, "genes": scores | {"f1": 0.6}}
    assert _missed(fields=fields) == ["F1 of stage"]


def test_a_missed_bound_reads_as_a_sentence():
    after = Metrics.model_validate_json(metrics_json(macro_f1=0.5)).after
    assert str(decisions.assess(after, GATE)[0]) == "macro-F1 0.500, at least 0.800 required"


@pytest.mark.parametrize("error", ["AwsUnavailableError", "HubUnavailableError"])
def test_a_passing_trouble_of_the_host_is_relaunched_not_polled_again(error):
    assert decisions.judge_outcome(_outcome(status="failed", error=error)).status == "relaunch"
