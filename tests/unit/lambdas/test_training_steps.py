"""StartTraining sends one command a launch; CheckTraining tells running, succeeded, relaunch and failed apart."""

import hashlib
from datetime import timedelta

import pytest
from slm_core import errors
from slm_core.aws import client

from lambdas import check_training, start_training
from tests.unit.emulated_account import ROOT, RUN_ID, START, answering, refusing


@pytest.fixture
def host(account, monkeypatch):
    """A ready host; a test says what Run Command tells of the training's command."""
    state = account.prepare(limits__max_relaunches=1, limits__stall_minutes=10)
    client("ec2").start_instances(InstanceIds=[account.instance_id])
    state["instance"] = {
        "instance_id": account.instance_id,
        "instance_type": "g6.2xlarge",
        "launched_at": START.isoformat(),
        "deadline_at": (START + timedelta(hours=6)).isoformat(),
        "wait_seconds": 15,
    }
    host = {"state": state, "account": account, "status": "InProgress", "sent": []}

    def send(request):
        host["sent"].append({name: values[0] for name, values in request["Parameters"].items()})
        return {"Command": {"CommandId": f"command-{len(host['sent'])}"}}

    answers = {"SendCommand": send, "GetCommandInvocation": lambda _: {"StatusDetails": host["status"]}}
    answering("ssm", answers, monkeypatch)
    return host


def _start(host):
    host["state"]["training"] = start_training.handler(host["state"], None)
    return host["state"]["training"]


def _check(host):
    host["state"]["training"] = check_training.handler(host["state"], None)
    return host["state"]["training"]


@pytest.fixture
def training(host):
    """The host with a training under way."""
    _start(host)
    return host


def test_the_command_carries_ids_a_uri_and_the_time_that_is_left(host):
    training = _start(host)
    assert host["sent"] == [
        {
            "Action": "train",
            "RunId": RUN_ID,
            "Fence": "1",
            "RunUri": host["state"]["run"]["run_uri"],
            "ExecutionTimeoutSeconds": str(6 * 3600),
            "HostFiles": f"{_digest_of_the_guard()}/fine-tune-slm-guard",
            "Deadline": f"{START + timedelta(hours=6):%Y-%m-%dT%H:%M:%SZ}",
        }
    ]
    assert (training["command_id"], training["status"], training["relaunches"]) == ("command-1", "running", 0)


def _digest_of_the_guard():
    return hashlib.sha256((ROOT / "host" / "guard.py").read_bytes()).hexdigest()


def test_the_guard_lies_in_the_bucket_under_its_digest_whatever_lay_there(host):
    key = f"host/{_digest_of_the_guard()}/fine-tune-slm-guard"
    host["account"].store.put(key, b"tampered")
    _start(host)
    assert host["account"].store.read(key) == (ROOT / "host" / "guard.py").read_bytes()


def test_a_host_that_was_handed_something_else_fails_the_run_by_name(training):
    training["account"].put_outcome("failed", error="HostFileCorruptError", message="Host file x is not the one")
    with pytest.raises(errors.HostFileCorruptError, match="Host file x is not the one"):
        _check(training)


def test_a_function_that_was_deployed_without_the_host_files_sends_nothing(host, monkeypatch):
    monkeypatch.delenv("HOST_FILES_DIR")
    with pytest.raises(errors.SettingMissingError, match="HOST_FILES_DIR"):
        _start(host)
    assert host["sent"] == []


def test_starting_twice_sends_one_command(host):
    assert _start(host) == _start(host)
    assert len(host["sent"]) == 1


def test_another_launch_gets_another_command_and_no_old_outcome(training):
    training["account"].put_outcome("killed", exit_code=137)
    training["state"]["instance"]["launched_at"] = (START + timedelta(hours=1)).isoformat()
    assert _start(training)["command_id"] == "command-2"
    assert _check(training)["status"] == "running"


def test_after_the_deadline_nothing_is_sent(host):
    host["account"].time.forward(hours=6)
    with pytest.raises(errors.DeadlineExceededError):
        _start(host)
    assert host["sent"] == []


def test_an_agent_that_is_gone_can_be_tried_again(host, monkeypatch):
    refusing("ssm", {"SendCommand": "InvalidInstanceId"}, monkeypatch)
    with pytest.raises(errors.CommandUndeliverableError):
        _start(host)
    assert host["account"].lease().command is None


def test_a_training_under_way_is_looked_at_after_half_of_the_time_left(training):
    training["account"].put_progress(seconds_left=200, step=7)
    assert {"status": "running", "wait_seconds": 100, "step": 7, "phase": "training"}.items() <= _check(
        training
    ).items()
    assert training["account"].lease().heartbeat_at == START


def test_the_progress_of_an_earlier_fence_says_nothing(training):
    training["account"].put_progress(fence=9, step=7)
    assert _check(training)["step"] == 0


def test_a_training_that_succeeded_is_told(training):
    training["account"].put_outcome("succeeded", exit_code=0)
    assert _check(training)["status"] == "succeeded"


@pytest.mark.parametrize("name", ["DatasetInvalidError", "TrainingOutOfMemoryError", "DiskFullError"])
def test_a_training_that_failed_is_raised_under_its_own_name(training, name):
    training["account"].put_outcome("failed", exit_code=20, error=name, message="A sentence")
    with pytest.raises(getattr(errors, name), match="A sentence"):
        _check(training)


@pytest.mark.parametrize("what", ["killed", "stopped", "undeliverable", "stalled", "vanished"])
def test_a_lost_training_is_relaunched_and_counted_once(training, monkeypatch, what):
    account = training["account"]
    if what == "killed":
        account.put_outcome("killed", exit_code=137)
    if what == "stopped":
        client("ec2").stop_instances(InstanceIds=[account.instance_id])
    if what == "undeliverable":
        training["status"] = "Undeliverable"
    if what == "stalled":
        account.put_progress()
        account.time.forward(minutes=11)
    if what == "vanished":
        account.time.forward(minutes=2)
        refusing("ssm", {"GetCommandInvocation": "InvocationDoesNotExist"}, monkeypatch)
    assert (_check(training)["status"], _check(training)["relaunches"]) == ("relaunch", 1)
    assert training["state"]["training"]["reason"]


def test_a_command_that_has_not_appeared_yet_is_waited_for(training, monkeypatch):
    refusing("ssm", {"GetCommandInvocation": "InvocationDoesNotExist"}, monkeypatch)
    assert _check(training)["status"] == "running"


def test_a_status_that_nobody_knows_is_no_end(training):
    training["status"] = "SomethingNew"
    assert _check(training)["status"] == "running"


def test_a_training_lost_too_often_ends_with_the_last_reason(training):
    training["account"].put_outcome("killed", exit_code=137)
    _check(training)
    training["state"]["instance"]["launched_at"] = (START + timedelta(hours=1)).isoformat()
    _start(training)
    training["account"].put_outcome("killed", exit_code=139)
    with pytest.raises(errors.RelaunchesExhaustedError, match=r"2 times.*139"):
        _check(training)


def test_the_deadline_ends_a_training_that_runs(training):
    training["account"].put_progress(updated_at=(START + timedelta(hours=6)).isoformat())
    training["account"].time.forward(hours=6)
    with pytest.raises(errors.DeadlineExceededError):
        _check(training)


def test_a_training_that_saved_before_the_deadline_is_not_launched_again(training):
    training["account"].put_outcome("failed", error="DeadlineExceededError", message="It saved in time")
    with pytest.raises(errors.DeadlineExceededError, match="It saved in time"):
        _check(training)


def test_a_training_that_succeeded_just_before_the_deadline_has_succeeded(training):
    training["account"].put_outcome("succeeded", exit_code=0)
    training["account"].time.forward(hours=7)
    assert _check(training)["status"] == "succeeded"


def test_a_run_that_lost_its_lease_stops_looking(training):
    training["account"].leases.release(RUN_ID, 1)
    with pytest.raises(errors.LeaseLostError):
        _check(training)
