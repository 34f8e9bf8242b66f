"""StopInstance: stopped is what was seen, not what was asked for; and never another run's instance."""

import pytest
from slm_core.aws import client
from slm_core.errors import InstanceStillRunningError, PermissionDeniedError
from slm_core.lease import Launch

from lambdas.stop_instance import handler
from tests.unit.emulated_account import EXECUTION_ARN, RUN_ID, START, answering, refusing

STATE = {"execution": {"arn": EXECUTION_ARN, "name": RUN_ID, "started_at": START.isoformat()}}


@pytest.fixture
def running(account):
    """An account in which the run has the instance running."""
    account.take_lease()
    account.leases.request_start(RUN_ID, 1)
    client("ec2").start_instances(InstanceIds=[account.instance_id])
    launch = Launch(instance_type="g6.2xlarge", launched_at=account.describe()["LaunchTime"])
    account.leases.record_launch(RUN_ID, 1, launch, START)
    return account


def _no_ec2(monkeypatch):
    monkeypatch.setattr(client("ec2"), "_make_api_call", lambda *_: pytest.fail("EC2 was called"))


def test_a_running_instance_is_stopped_and_the_end_is_noted(running):
    assert handler(STATE, None) == {"state": "stopped"}
    assert running.state() == "stopped"
    assert running.lease().ordered_launches[-1].stopped_at == START


def test_stopping_twice_changes_nothing(running):
    handler(STATE, None)
    lease = running.lease()
    running.time.forward(minutes=1)
    assert handler(STATE, None) == {"state": "stopped"}
    assert running.lease() == lease


def test_an_instance_that_is_still_running_is_looked_at_again(running, monkeypatch):
    refusing("ec2", {"StopInstances": "IncorrectInstanceState"}, monkeypatch)
    with pytest.raises(InstanceStillRunningError, match="running, not stopped"):
        handler(STATE, None)
    assert running.lease().ordered_launches[-1].stopped_at is None


def test_a_stop_that_is_not_allowed_says_so(running, monkeypatch):
    refusing("ec2", {"StopInstances": "UnauthorizedOperation"}, monkeypatch)
    with pytest.raises(PermissionDeniedError, match="StopInstances"):
        handler(STATE, None)


def test_a_start_that_was_only_requested_is_stopped_too(account):
    account.take_lease()
    account.leases.request_start(RUN_ID, 1)
    client("ec2").start_instances(InstanceIds=[account.instance_id])
    assert handler(STATE, None) == {"state": "stopped"}
    assert account.state() == "stopped"


def test_without_a_lease_ec2_is_not_called(account, monkeypatch):
    _no_ec2(monkeypatch)
    assert handler(STATE, None) == {"state": "never_started"}


def test_another_runs_instance_is_left_alone(running, monkeypatch):
    _no_ec2(monkeypatch)
    other = STATE["execution"] | {"name": "run-2", "arn": EXECUTION_ARN.replace(RUN_ID, "run-2")}
    assert handler({"execution": other}, None) == {"state": "never_started"}


def test_a_run_that_has_not_started_the_instance_does_not_call_ec2(account, monkeypatch):
    account.take_lease()
    _no_ec2(monkeypatch)
    assert handler(STATE, None) == {"state": "never_started"}


def test_the_instance_is_the_leases_and_never_the_states(running):
    handler(STATE | {"run": {"instance_id": "i-0123456789abcdef0"}, "instance": {"instance_id": "i-1"}}, None)
    assert running.state() == "stopped"


def test_an_instance_that_the_owner_before_left_running_is_stopped(running, monkeypatch):
    answering("stepfunctions", {"DescribeExecution": lambda _: {"status": "ABORTED"}}, monkeypatch)
    running.take_lease("run-2", EXECUTION_ARN.replace(RUN_ID, "run-2"))
    handler({"execution": {**STATE["execution"], "name": "run-2"}}, None)
    assert running.describe()["State"]["Name"] == "stopped"
