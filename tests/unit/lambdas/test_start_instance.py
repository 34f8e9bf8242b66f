"""StartInstance: the first allowed type with capacity, a deadline, and no second start where one is under way."""

from datetime import timedelta

import pytest
from slm_core.aws import client
from slm_core.errors import InstanceCapacityError, InstanceChangingError, InstanceRefusedError, LeaseLostError

from lambdas.start_instance import handler
from tests.unit.emulated_account import RUN_ID, START, answering, aws_error, refusing


@pytest.fixture
def state(account):
    """The state after PrepareRun."""
    return account.prepare()


def _started(state):
    """Return what StartInstance answers once the workflow has repeated it."""
    with pytest.raises(InstanceChangingError):
        handler(state, None)
    return handler(state, None)


def _without_capacity(monkeypatch, *types):
    """Refuse to start the instance as one of the types."""
    ec2 = client("ec2")
    real = ec2._make_api_call

    def call(operation, request):
        if operation == "StartInstances":
            found = real("DescribeInstances", {"InstanceIds": request["InstanceIds"]})
            if found["Reservations"][0]["Instances"][0]["InstanceType"] in types:
                raise aws_error("InsufficientInstanceCapacity", operation, 500)
        return real(operation, request)

    monkeypatch.setattr(ec2, "_make_api_call", call)


def _given_up_by_ec2(account, monkeypatch):
    """Let the start that the run has asked for be one that EC2 accepted and gave up for want of capacity."""
    account.leases.request_start(RUN_ID, 1)
    described = account.describe() | {"StateReason": {"Code": "Server.InsufficientInstanceCapacity"}}
    answers = iter([{"Reservations": [{"Instances": [described]}]}])
    real = client("ec2")._make_api_call
    answering(
        "ec2",
        {"DescribeInstances": lambda request: next(answers, None) or real("DescribeInstances", request)},
        monkeypatch,
    )


def test_a_stopped_instance_is_started_and_has_a_deadline(account, state):
    instance = _started(state)
    assert account.state() == "running"
    assert (instance["instance_type"], instance["status"]) == ("g6.2xlarge", "starting")
    launched_at = account.describe()["LaunchTime"]
    assert account.lease().deadline_at == launched_at + timedelta(hours=6)
    assert {"Key": "deadline", "Value": account.lease().deadline_at.isoformat()} in account.describe()["Tags"]


def test_a_small_budget_ends_the_run_before_max_hours(account):
    instance = _started(account.prepare(limits__budget_usd=0.9776))
    assert account.lease().deadline_at == account.describe()["LaunchTime"] + timedelta(hours=1)
    assert instance["deadline_at"]


def test_asking_again_for_a_running_instance_changes_nothing(account, state):
    first = _started(state)
    lease = account.lease()
    assert handler(state, None) == first
    assert account.lease() == lease


def test_without_capacity_the_next_allowed_type_is_started(account, state, monkeypatch):
    _without_capacity(monkeypatch, "g6.2xlarge")
    assert _started(state)["instance_type"] == "g5.2xlarge"


def test_without_any_capacity_the_workflow_tries_again_later(account, state, monkeypatch):
    _without_capacity(monkeypatch, "g6.2xlarge", "g5.2xlarge")
    with pytest.raises(InstanceCapacityError, match=r"g6\.2xlarge, g5\.2xlarge"):
        handler(state, None)
    assert (account.state(), account.lease().start_requested_at) == ("stopped", None)


def test_a_start_given_up_by_ec2_goes_on_with_the_next_type(account, state, monkeypatch):
    _given_up_by_ec2(account, monkeypatch)
    assert _started(state)["instance_type"] == "g5.2xlarge"


def test_a_next_type_that_the_zone_does_not_offer_does_not_make_want_of_capacity_final(account, state, monkeypatch):
    _given_up_by_ec2(account, monkeypatch)
    refusing("ec2", {"StartInstances": "Unsupported"}, monkeypatch)
    with pytest.raises(InstanceCapacityError):
        handler(state, None)
    assert account.lease().start_requested_at is None


def test_a_type_that_the_instance_cannot_become_is_passed_over(account, monkeypatch):
    state = account.prepare()
    spec = account.write_spec(1).model_copy(update={"instance_types": ("g5.2xlarge", "g6.2xlarge")})
    account.put_json(account.keys.spec, spec.model_dump(mode="json"))
    refusing("ec2", {"ModifyInstanceAttribute": "Unsupported"}, monkeypatch)
    assert _started(state)["instance_type"] == "g6.2xlarge"


def test_types_that_the_zone_does_not_offer_are_refused(account, state, monkeypatch):
    refusing("ec2", {"StartInstances": "Unsupported"}, monkeypatch)
    with pytest.raises(InstanceRefusedError, match="zone"):
        handler(state, None)


def test_an_instance_that_somebody_else_started_is_stopped_first(account, state):
    client("ec2").start_instances(InstanceIds=[account.instance_id])
    with pytest.raises(InstanceChangingError):
        handler(state, None)
    assert account.state() == "stopped"
    assert _started(state)["status"] == "starting"


def test_a_run_that_lost_its_lease_does_not_touch_the_instance(account, state, monkeypatch):
    account.leases.release(RUN_ID, 1)
    monkeypatch.setattr(client("ec2"), "_make_api_call", lambda *_: pytest.fail("EC2 was called"))
    with pytest.raises(LeaseLostError):
        handler(state, None)


def test_a_terminated_instance_is_refused(account, state, monkeypatch):
    terminated = {"Reservations": [{"Instances": [account.describe() | {"State": {"Name": "terminated"}}]}]}
    answering("ec2", {"DescribeInstances": lambda _: terminated}, monkeypatch)
    with pytest.raises(InstanceRefusedError, match="terminated"):
        handler(state, None)


def test_a_relaunch_keeps_the_first_deadline(account, state):
    first = _started(state)
    launched_at = account.describe()["LaunchTime"]
    account.leases.record_stop(RUN_ID, 1, account.lease().ordered_launches[-1])
    client("ec2").stop_instances(InstanceIds=[account.instance_id])
    later = account.describe() | {"LaunchTime": launched_at + timedelta(hours=2), "State": {"Name": "running"}}
    account.leases.request_start(RUN_ID, 1)
    with pytest.MonkeyPatch.context() as patch:
        answering("ec2", {"DescribeInstances": lambda _: {"Reservations": [{"Instances": [later]}]}}, patch)
        again = handler(state, None)
    assert again["deadline_at"] == first["deadline_at"]
    assert len(account.lease().launches) == 2
    assert account.lease().start_requested_at == START
