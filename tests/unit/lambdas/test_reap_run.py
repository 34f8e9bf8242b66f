"""ReapRun: only the ended execution's own instance, seen stopped, recorded and told of."""

import pytest
from slm_core.aws import client
from slm_core.environment import environment
from slm_core.errors import AwsUnavailableError, InstanceStillRunningError
from slm_core.failure_record import record_failure
from slm_core.lease import Launch
from slm_core.records import RunRecord
from slm_core.state import FailureInput

from lambdas.reap_run import handler
from tests.unit.emulated_account import EXECUTION_ARN, RUN_ID, START, answering, refusing

TOPIC = "arn:aws:sns:us-east-1:123456789012:alerts"


def _event(status="ABORTED", name=RUN_ID, **more):
    detail = {"executionArn": EXECUTION_ARN.replace(RUN_ID, name), "name": name, "status": status, "input": "{}"}
    return {"source": "aws.states", "detail": detail | more}


@pytest.fixture
def notices(account, monkeypatch):
    """The notices that were sent; the account knows the topic and an execution that has ended."""
    sent = []
    monkeypatch.setenv("TOPIC_ARN", TOPIC)
    answering("sns", {"Publish": lambda request: sent.append(request) or {}}, monkeypatch)
    _execution_is("ABORTED", monkeypatch)
    return sent


def _execution_is(status, monkeypatch):
    answers = {"DescribeExecution": lambda _: {"status": status}, "GetExecutionHistory": lambda _: {"events": []}}
    answering("stepfunctions", answers, monkeypatch)


@pytest.fixture
def running(account, notices):
    """An account in which the ended run has the instance running for an hour."""
    account.prepare()
    account.leases.request_start(RUN_ID, 1)
    client("ec2").start_instances(InstanceIds=[account.instance_id])
    launch = Launch(instance_type="g6.2xlarge", launched_at=account.describe()["LaunchTime"])
    account.leases.record_launch(RUN_ID, 1, launch, START)
    account.time.forward(hours=1)
    return account


def _record(account):
    return RunRecord.model_validate_json(account.store.read(account.keys.record))


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("ABORTED", "ExecutionAbortedError"),
        ("TIMED_OUT", "ExecutionTimedOutError"),
        ("FAILED", "ExecutionFailedError"),
    ],
)
def test_the_instance_is_stopped_recorded_given_back_and_told_of(running, notices, status, error):
    assert handler(_event(status), None) == {"state": "stopped"}
    assert running.state() == "stopped"
    assert running.lease().owner_arn is None
    record = _record(running)
    assert (record.status, record.failure.error, record.instance.state) == ("failed", error, "stopped")
    (notice,) = notices
    assert notice["TopicArn"] == TOPIC
    assert RUN_ID in notice["Subject"]
    assert error in notice["Message"]


def test_the_name_that_step_functions_gave_is_in_the_record(running):
    handler(_event("FAILED", error="States.Runtime"), None)
    assert "States.Runtime" in _record(running).failure.cause


def test_the_failure_that_the_workflow_recorded_stays_when_the_instance_is_stopped_after_it(running):
    execution = {"arn": EXECUTION_ARN, "name": RUN_ID, "started_at": START}
    failure = {"Error": "DiskFullError", "Cause": "The disk is full."}
    record_failure(FailureInput.model_validate({"execution": execution, "failure": failure}), environment())
    assert "NOT SEEN STOPPED" in _record(running).failure.cause
    handler(_event("FAILED"), None)
    record = _record(running)
    assert (record.failure.error, record.failure.cause) == ("DiskFullError", "The disk is full.")
    assert (record.instance.state, running.lease().owner_arn) == ("stopped", None)


def test_a_second_event_changes_nothing_and_tells_again(running, notices):
    handler(_event(), None)
    record = _record(running)
    assert handler(_event(), None) == {"state": "not_held"}
    assert _record(running) == record
    assert len(notices) == 2


def test_a_run_that_the_sweeper_was_first_to_stop_is_recorded_too(running):
    client("ec2").stop_instances(InstanceIds=[running.instance_id])
    running.leases.release(RUN_ID, 1)
    started_at_ms = int(START.timestamp() * 1000)
    assert handler(_event(startDate=started_at_ms), None) == {"state": "not_held"}
    record = _record(running)
    assert (record.failure.error, record.started_at) == ("ExecutionAbortedError", START)


def test_a_failure_that_the_workflow_could_not_record_keeps_its_name(running):
    handler(_event("FAILED", error="DiskFullError"), None)
    assert _record(running).failure.error == "DiskFullError"
    assert "CheckpointVolumeGiB" in _record(running).failure.cause


def test_another_runs_instance_is_left_alone(running, monkeypatch):
    monkeypatch.setattr(client("ec2"), "_make_api_call", lambda *_: pytest.fail("EC2 was called"))
    assert handler(_event(name="run-0"), None) == {"state": "not_held"}
    assert running.lease().is_held_by(RUN_ID)


def test_a_later_execution_of_the_same_name_elsewhere_is_left_alone(running):
    event = _event()
    event["detail"]["executionArn"] = EXECUTION_ARN.replace("machine", "another-machine")
    assert handler(event, None) == {"state": "not_held"}
    assert running.state() == "running"
    assert running.store.read(running.keys.record) is None


def test_an_execution_that_is_said_to_run_is_looked_at_again_and_spared_until_then(running, monkeypatch):
    _execution_is("RUNNING", monkeypatch)
    with pytest.raises(AwsUnavailableError):
        handler(_event(), None)
    assert running.state() == "running"


def test_an_instance_that_is_still_running_is_looked_at_again_and_told_of_now_and_then(running, notices, monkeypatch):
    with monkeypatch.context() as refused:
        refusing("ec2", {"StopInstances": "IncorrectInstanceState"}, refused)
        for _ in range(2):
            with pytest.raises(InstanceStillRunningError):
                handler(_event(), None)
    assert "NOT SEEN STOPPED (running)" in _record(running).failure.cause
    assert running.lease().is_held_by(RUN_ID)
    (early,) = notices
    assert "NOT SEEN STOPPED (running)" in early["Message"]
    handler(_event(), None)
    assert "NOT SEEN STOPPED" not in notices[-1]["Message"]
    assert len(notices) == 2


def test_a_start_that_outlived_its_execution_is_stopped_at_the_next_look(account, notices):
    account.prepare()
    account.leases.request_start(RUN_ID, 1)
    with pytest.raises(InstanceStillRunningError, match="may be starting still"):
        handler(_event(), None)
    assert account.lease().is_held_by(RUN_ID)
    client("ec2").start_instances(InstanceIds=[account.instance_id])
    account.time.forward(minutes=3)
    assert handler(_event(), None) == {"state": "stopped"}
    assert account.state() == "stopped"
    assert _record(account).failure.error == "ExecutionAbortedError"


def test_a_name_that_is_no_run_id_is_nobodys_instance(running):
    assert handler(_event(name="not a run id"), None) == {"state": "never_started"}
    assert running.state() == "running"


def test_a_notice_that_cannot_be_sent_does_not_undo_the_stop(running, monkeypatch):
    refusing("sns", {"Publish": "AuthorizationError"}, monkeypatch)
    assert handler(_event(), None) == {"state": "stopped"}
