"""What to do next, from what was seen."""

from datetime import timedelta

import pytest
from slm_core import decisions
from slm_core.decisions import HowItGoes
from slm_core.errors import leaves
from slm_core.records import Metrics, Outcome, Progress, Release
from slm_core.training_config import GateConfig, LimitsConfig

from tests.unit.emulated_account import START, metrics_json

GATE = GateConfig(macro_f1_min=0.8, field_f1_min=0.6, json_valid_min=0.98, ungrounded_max=0.1, macro_f1_loss_max=0.02)


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
    return [score.name for score in decisions.assess(_metrics(**changes), GATE) if not score.is_met]


def _metrics(**changes):
    return Metrics.model_validate_json(metrics_json(**changes))


def _published(**changes):
    release = {"run_id": "run-0", "revision": "a" * 40, "macro_f1": 0.9, "samples": 8, "published_at": START}
    return Release.model_validate(release | {"validation_sha256": "0" * 64} | changes)


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
    assert _missed(fields=fields) == ["F1 of stage (worst field)"]


def test_a_bound_reads_as_value_and_bound():
    scores = decisions.assess(_metrics(macro_f1=0.5), GATE)
    assert [str(score) for score in scores[:2]] == [
        "MISSED macro-F1 0.500, at least 0.800",
        "met    JSON valid 1.000, at least 0.980",
    ]


@pytest.mark.parametrize("error", ["AwsUnavailableError", "HubUnavailableError"])
def test_a_passing_trouble_of_the_host_is_relaunched_not_polled_again(error):
    assert decisions.judge_outcome(_outcome(status="failed", error=error)).status == "relaunch"


@pytest.mark.parametrize(("macro_f1", "is_met"), [(0.95, True), (0.9, True), (0.88, True), (0.879, False)])
def test_a_model_may_lose_no_more_than_the_margin_against_the_published_one(macro_f1, is_met):
    (score,) = [
        score for score in decisions.assess(_metrics(macro_f1=macro_f1), GATE, _published()) if "run-0" in score.name
    ]
    assert (score.bound, score.is_met) == (0.88, is_met)


@pytest.mark.parametrize("changes", [{"validation_sha256": "1" * 64}, {"samples": 500}])
def test_scores_on_other_validation_records_are_not_compared(changes):
    assert len(decisions.assess(_metrics(), GATE, _published(**changes))) == len(decisions.assess(_metrics(), GATE))


def test_the_table_names_every_bound_and_the_worst_field_and_begins_with_the_missed_ones():
    interval = {"low": 0.0, "high": 1.0}
    fields = {
        name: {"precision": f1, "recall": f1, "f1": f1, "f1_interval": interval}
        for name, f1 in (("cancer_type", 0.95), ("stage", 0.5), ("treatment", 0.7))
    }
    table = decisions.gate_table(decisions.assess(_metrics(fields=fields), GATE, _published()))
    assert table.splitlines() == [
        "1 of the gate's 7 bounds missed:",
        "MISSED F1 of stage (worst field) 0.500, at least 0.600",
        "met    macro-F1 0.900, at least 0.800",
        "met    JSON valid 1.000, at least 0.980",
        "met    ungrounded 0.000, at most 0.100",
        "met    macro-F1 beside the published run run-0 0.900, at least 0.880",
        "met    F1 of treatment 0.700, at least 0.600",
        "met    F1 of cancer_type 0.950, at least 0.600",
    ]
