"""The instance: EC2's many refusals become the few that the workflow can act on."""

import pytest
from botocore.exceptions import ClientError
from slm_core.errors import InstanceChangingError, InstanceRefusedError
from slm_core.instance import Instance, StartAnswer

from tests.unit.emulated_account import START, answering, refusing


def test_an_instance_is_started_and_stopped(account):
    instance = Instance(account.instance_id)
    assert instance.describe().state == "stopped"
    assert instance.start() is StartAnswer.ACCEPTED
    assert instance.describe().state == "running"
    instance.stop()
    assert instance.describe().state == "stopped"


def test_an_instance_that_is_gone_is_named(account):
    with pytest.raises(InstanceRefusedError, match="i-0123456789abcdef0 does not exist"):
        Instance("i-0123456789abcdef0").describe()


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        ("InsufficientInstanceCapacity", StartAnswer.NO_CAPACITY),
        ("Unsupported", StartAnswer.UNSUITABLE),
        ("UnfulfillableCapacity", StartAnswer.UNSUITABLE),
    ],
)
def test_a_type_that_cannot_start_is_an_answer_not_an_error(account, monkeypatch, code, answer):
    refusing("ec2", {"StartInstances": code}, monkeypatch)
    assert Instance(account.instance_id).start() is answer


@pytest.mark.parametrize(
    ("code", "error", "told"),
    [
        ("IncorrectInstanceState", InstanceChangingError, "between two states"),
        ("VcpuLimitExceeded", InstanceRefusedError, "Running On-Demand G and VT instances"),
        ("InstanceLimitExceeded", InstanceRefusedError, "InstanceLimitExceeded"),
        ("OperationNotPermitted", InstanceRefusedError, "OperationNotPermitted"),
        ("UnauthorizedOperation", ClientError, "UnauthorizedOperation"),
    ],
)
def test_a_refused_start_names_ec2s_code(account, monkeypatch, code, error, told):
    refusing("ec2", {"StartInstances": code}, monkeypatch)
    with pytest.raises(error, match=told):
        Instance(account.instance_id).start()


def test_a_stop_at_the_wrong_moment_is_left_to_the_next_look(account, monkeypatch):
    instance = Instance(account.instance_id)
    instance.start()
    with monkeypatch.context() as patch:
        refusing("ec2", {"StopInstances": "IncorrectInstanceState"}, patch)
        instance.stop()
        assert instance.describe().state == "running"
    instance.stop()
    assert instance.describe().state == "stopped"


def test_a_stop_that_is_not_allowed_is_an_error(account, monkeypatch):
    refusing("ec2", {"StopInstances": "UnauthorizedOperation"}, monkeypatch)
    with pytest.raises(ClientError):
        Instance(account.instance_id).stop()


def test_the_type_of_a_stopped_instance_is_changed(account):
    Instance(account.instance_id).change_type("g5.2xlarge")
    assert account.describe()["InstanceType"] == "g5.2xlarge"


def test_the_deadline_is_readable_as_a_tag(account):
    Instance(account.instance_id).tag_deadline(START)
    assert {"Key": "deadline", "Value": START.isoformat()} in account.describe()["Tags"]


@pytest.mark.parametrize(
    ("system", "instance", "expected"),
    [
        ("ok", "ok", "ok"),
        ("ok", "initializing", "initializing"),
        ("impaired", "ok", "impaired"),
        ("ok", "impaired", "impaired"),
        ("not-applicable", "not-applicable", "initializing"),
    ],
)
def test_the_worse_of_both_status_checks_counts(account, monkeypatch, system, instance, expected):
    status = {"SystemStatus": {"Status": system}, "InstanceStatus": {"Status": instance}}
    answering("ec2", {"DescribeInstanceStatus": lambda _: {"InstanceStatuses": [status]}}, monkeypatch)
    assert Instance(account.instance_id).checks() == expected


def test_no_status_at_all_is_not_ok(account, monkeypatch):
    answering("ec2", {"DescribeInstanceStatus": lambda _: {"InstanceStatuses": []}}, monkeypatch)
    assert Instance(account.instance_id).checks() == "initializing"


def test_a_start_given_up_for_want_of_capacity_is_read_from_the_reason(account, monkeypatch):
    described = account.describe() | {"StateReason": {"Code": "Server.InsufficientInstanceCapacity"}}
    answering("ec2", {"DescribeInstances": lambda _: {"Reservations": [{"Instances": [described]}]}}, monkeypatch)
    assert Instance(account.instance_id).describe().lacked_capacity
