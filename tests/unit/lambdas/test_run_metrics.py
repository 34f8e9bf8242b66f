"""The metrics that the dashboard shows are those that the steps emit, once for each run."""

import json
from datetime import timedelta

import pytest
from slm_core.lease import Launch
from slm_core.records import Metrics, RunRecord
from slm_core.run_metrics import show_progress, show_run
from slm_core.state import TrainingState

from lambdas import complete_run, record_failure
from tests.unit.emulated_account import EXECUTION_ARN, RUN_ID, START, answering, metrics_json


def _emitted(text):
    """Return the values of every metric in the log, by name."""
    found = {}
    for line in text.splitlines():
        if line.startswith("{") and "_aws" in (document := json.loads(line)):
            (directive,) = document["_aws"]["CloudWatchMetrics"]
            assert directive["Namespace"] == "FineTuneSlm"
            for metric in directive["Metrics"]:
                found.setdefault(metric["Name"], []).extend(document[metric["Name"]])
    return found


def _record(**changes):
    given = {"run_id": RUN_ID, "run_name": RUN_ID, "execution_arn": EXECUTION_ARN, "status": "succeeded"}
    given |= {"started_at": START, "finished_at": START, "instance": None, "billed_seconds": None, "cost_usd": None}
    return RunRecord(**given | changes)


def test_a_run_shows_its_gpu_minutes_its_cost_and_its_scores(capsys):
    metrics = Metrics.model_validate_json(metrics_json(0.9))
    show_run(_record(billed_seconds=5400.0, cost_usd=1.4664, metrics=metrics))
    emitted = _emitted(capsys.readouterr().out)
    assert (emitted["GpuMinutesBilled"], emitted["CostUsd"], emitted["MacroF1"]) == ([90.0], [1.4664], [0.9])
    assert emitted["RunEnded"] == [1]


def test_a_run_that_started_nothing_shows_no_figure_that_nobody_measured(capsys):
    show_run(_record(status="failed"))
    assert _emitted(capsys.readouterr().out) == {"RunEnded": [1]}


@pytest.mark.parametrize(("steps", "shown"), [((5, 20), {"TrainingProgressPercent": [25.0]}), ((0, 0), {})])
def test_progress_is_shown_as_a_share_of_the_phase(capsys, steps, shown):
    done, total = steps
    show_progress(
        TrainingState(command_id="c", sent_at=START, wait_seconds=15, relaunches=0, step=done, total_steps=total)
    )
    assert _emitted(capsys.readouterr().out) == shown


def test_a_completion_that_is_repeated_counts_once(account, capsys):
    state = account.prepare()
    launch = Launch(instance_type="g6.2xlarge", launched_at=START)
    account.leases.request_start(RUN_ID, 1)
    account.leases.record_launch(RUN_ID, 1, launch, START + timedelta(hours=6))
    account.time.forward(hours=2)
    account.leases.record_stop(RUN_ID, 1, launch)
    state["archive"] = {"uri": "s3://a/models/run-1/", "manifest_sha256": "0" * 64, "files": 2, "size_bytes": 7}
    first = complete_run.handler(state, None)
    assert complete_run.handler(state, None) == first
    emitted = _emitted(capsys.readouterr().out)
    assert (emitted["RunEnded"], emitted["GpuMinutesBilled"]) == ([1], [120.0])


def test_a_failure_that_is_recorded_twice_counts_once(account, monkeypatch, capsys):
    answering("stepfunctions", {"GetExecutionHistory": lambda _: {"events": []}}, monkeypatch)
    account.prepare()
    execution = {"arn": EXECUTION_ARN, "name": RUN_ID, "started_at": START.isoformat()}
    cause = json.dumps({"errorMessage": "The disk is full", "errorType": "DiskFullError"})
    state = {"execution": execution, "failure": {"Error": "DiskFullError", "Cause": cause}}
    for _ in range(2):
        record_failure.handler(state, None)
    assert _emitted(capsys.readouterr().out)["RunEnded"] == [1]
