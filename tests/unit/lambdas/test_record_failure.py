"""RecordFailure: a clean cause, a record with the verified instance, and the lease given back when that is safe."""

import json
from datetime import timedelta

import pytest
from slm_core.aws import client
from slm_core.lease import Launch
from slm_core.records import RunRecord

from lambdas.record_failure import handler
from tests.unit.emulated_account import EXECUTION_ARN, RUN_ID, START, a_record, answering, metrics_json, refusing


@pytest.fixture
def failed(account, monkeypatch):
    """An account whose execution failed in CheckTraining, and the state of it."""
    events = [
        {"id": 1, "type": "TaskStateExited", "stateExitedEventDetails": {"name": "CheckTraining"}},
        {"id": 2, "type": "TaskStateEntered", "stateEnteredEventDetails": {"name": "StopAfterFailure"}},
    ]
    answering("stepfunctions", {"GetExecutionHistory": lambda _: {"events": events}}, monkeypatch)
    return account


def _state(error="DiskFullError", message="The disk is full", name=RUN_ID):
    cause = json.dumps({"errorMessage": message, "errorType": error})
    execution = {"arn": EXECUTION_ARN, "name": name, "started_at": START.isoformat()}
    return {"execution": execution, "failure": {"Error": error, "Cause": cause}}


def _launched(account):
    account.prepare()
    account.leases.request_start(RUN_ID, 1)
    client("ec2").start_instances(InstanceIds=[account.instance_id])
    account.leases.record_launch(RUN_ID, 1, Launch(instance_type="g6.2xlarge", launched_at=START), START)


def _record(account):
    return RunRecord.model_validate_json(account.store.read(account.keys.record))


def test_a_stopped_run_is_recorded_and_its_lease_given_back(failed):
    _launched(failed)
    failed.time.forward(hours=1)
    failed.put_progress(checkpoint_step=40)
    failed.leases.record_stop(RUN_ID, 1, failed.lease().ordered_launches[-1])
    client("ec2").stop_instances(InstanceIds=[failed.instance_id])
    assert handler(_state(), None) == {"error": "DiskFullError", "cause": "The disk is full"}
    record = _record(failed)
    assert (record.status, record.instance.state, record.last_checkpoint_step) == ("failed", "stopped", 40)
    assert (record.failure.error, record.failure.state) == ("DiskFullError", "CheckTraining")
    assert (record.billed_seconds, record.cost_usd) == (3600, 0.9776)
    assert failed.lease().owner_arn is None


def test_an_instance_that_still_runs_is_told_and_keeps_its_lease(failed):
    _launched(failed)
    cause = handler(_state(), None)["cause"]
    assert "NOT SEEN STOPPED (running)" in cause
    assert failed.instance_id in cause
    assert _record(failed).failure.cause == cause
    assert failed.lease().is_held_by(RUN_ID)


def test_an_instance_that_could_not_be_looked_at_is_unknown(failed, monkeypatch):
    _launched(failed)
    refusing("ec2", {"DescribeInstances": "UnauthorizedOperation"}, monkeypatch)
    assert "NOT SEEN STOPPED (unknown)" in handler(_state(), None)["cause"]
    assert _record(failed).instance.state == "unknown"


def test_a_refused_request_is_recorded_without_a_call_to_ec2(failed, monkeypatch):
    monkeypatch.setattr(client("ec2"), "_make_api_call", lambda *_: pytest.fail("EC2 was called"))
    handler(_state("ConfigInvalidError", "nonsense: unknown key"), None)
    record = _record(failed)
    assert (record.instance, record.cost_usd, record.failure.cause) == (None, None, "nonsense: unknown key")


def test_a_run_that_failed_before_its_instance_started_says_so(failed):
    failed.prepare()
    handler(_state(), None)
    assert _record(failed).instance.state == "never_started"
    assert failed.lease().owner_arn is None


def test_a_rejected_model_is_recorded_as_rejected_with_its_metrics(failed):
    failed.prepare()
    failed.store.put(f"models/{RUN_ID}/metrics.json", metrics_json(macro_f1=0.1))
    failed.store.put(failed.keys.archive_manifest, b"{}")
    handler(_state("ModelRejectedError", "macro-F1 0.100"), None)
    record = _record(failed)
    assert (record.status, record.metrics.after.macro_f1) == ("rejected", 0.1)
    assert record.archive_uri == f"s3://{failed.env.bucket_name}/models/{RUN_ID}/"


def test_recording_twice_keeps_what_was_known_the_first_time(failed):
    _launched(failed)
    failed.leases.record_stop(RUN_ID, 1, failed.lease().ordered_launches[-1])
    client("ec2").stop_instances(InstanceIds=[failed.instance_id])
    handler(_state(), None)
    written = failed.store.read(failed.keys.record)
    failed.time.forward(minutes=5)
    assert handler(_state(), None)["error"] == "DiskFullError"
    assert failed.store.read(failed.keys.record) == written


def test_a_success_that_was_recorded_too_late_is_denied_and_keeps_what_it_knows(failed):
    failed.store.put(failed.keys.record, a_record(hub_revision="abc").model_dump_json().encode())
    handler(_state("StepTimedOutError", "CompleteRun took too long"), None)
    record = _record(failed)
    assert (record.status, record.failure.error) == ("failed", "StepTimedOutError")
    assert (record.billed_seconds, record.hub_revision) == (3600.0, "abc")


def test_the_success_of_an_earlier_execution_of_the_same_name_stays(failed):
    success = a_record(started_at=START - timedelta(days=91)).model_dump_json().encode()
    failed.store.put(failed.keys.record, success)
    handler(_state("RunExistsError", f"{RUN_ID} is the id of a run that ended"), None)
    assert failed.store.read(failed.keys.record) == success


def test_another_runs_lease_is_left_alone(failed):
    failed.take_lease("run-2", EXECUTION_ARN.replace(RUN_ID, "run-2"))
    handler(_state(), None)
    assert failed.lease().is_held_by("run-2")


def test_an_execution_whose_name_is_no_run_id_still_gets_a_clean_cause(failed):
    assert handler(_state("ConfigInvalidError", "The execution's name"), None)["cause"] == "The execution's name"
    assert handler(_state(name="run.1"), None)["error"] == "DiskFullError"


def test_a_history_that_cannot_be_read_costs_one_line_of_the_record(failed, monkeypatch):
    refusing("stepfunctions", {"GetExecutionHistory": "AccessDeniedException"}, monkeypatch)
    handler(_state(), None)
    assert _record(failed).failure.state is None
