"""SweepInstances: stops what runs for nobody, makes sure of it, and gives back what was left behind."""

import json
from datetime import timedelta

import pytest
from slm_core import decisions
from slm_core.aws import client
from slm_core.lease import Launch

from lambdas.sweep_instances import handler
from tests.unit.emulated_account import EXECUTION_ARN, RUN_ID, START, answering, refusing

EVENT = {"source": "aws.scheduler"}


class World:
    """The account, the notices sent and the status that the owner's execution has."""

    def __init__(self, account):
        self.account = account
        self.notices = []
        self.stops = []
        self.status = "RUNNING"

    def start(self):
        """Start the instance, and let EC2's time be the test's."""
        client("ec2").start_instances(InstanceIds=[self.account.instance_id])

    def take(self):
        """Take the lease and launch."""
        self.account.take_lease()
        self.account.leases.request_start(RUN_ID, self.account.lease().fence)
        self.start()
        launch = Launch(instance_type="g6.2xlarge", launched_at=START)
        self.account.leases.record_launch(RUN_ID, self.account.lease().fence, launch, START + timedelta(hours=6))


@pytest.fixture
def world(account, monkeypatch):
    """A world with the environment of the sweeper."""
    world = World(account)
    monkeypatch.setenv("INSTANCE_ID", account.instance_id)
    monkeypatch.setenv("TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:alerts")
    answering("sns", {"Publish": lambda request: world.notices.append(request) or {}}, monkeypatch)
    answering("stepfunctions", {"DescribeExecution": lambda _: {"status": world.status}}, monkeypatch)
    return world


def _metrics(capsys):
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "SweeperRan" in line]
    (line,) = lines
    return line["SweeperRan"], line["InstanceOverdue"]


def test_an_instance_at_rest_is_left_alone_and_the_sweep_is_counted(world, capsys):
    assert handler(EVENT, None) == {"state": "stopped", "reason": None}
    assert _metrics(capsys) == ([1.0], [0.0])
    assert world.notices == []


def test_a_run_that_is_well_is_spared(world, capsys):
    world.take()
    world.account.time.forward(minutes=70)
    assert handler(EVENT, None) == {"state": "running", "reason": None}
    assert _metrics(capsys) == ([1.0], [0.0])


def test_an_instance_that_no_run_holds_is_stopped_and_told_of(world, capsys):
    world.take()
    world.account.leases.release(RUN_ID, 1)
    assert handler(EVENT, None) == {"state": "stopped", "reason": "no run holds it"}
    assert world.account.state() == "stopped"
    assert _metrics(capsys) == ([1.0], [1.0])
    (notice,) = world.notices
    assert world.account.instance_id in notice["Subject"]
    assert "no run holds it" in notice["Message"]


def test_the_instance_of_an_execution_that_ended_is_stopped_and_its_lease_given_back_later(world):
    world.take()
    world.status = "ABORTED"
    world.account.time.forward(minutes=5)
    assert "has ended" in handler(EVENT, None)["reason"]
    assert world.account.lease().is_held_by(RUN_ID)
    assert handler(EVENT, None) == {"state": "stopped", "reason": None}
    lease = world.account.lease()
    assert (lease.owner_arn, lease.fence) == (None, 1)
    assert lease.ordered_launches[-1].stopped_at == world.account.time()


def test_the_lease_of_a_run_that_runs_is_never_given_back(world):
    world.account.take_lease()
    world.account.time.forward(minutes=5)
    handler(EVENT, None)
    assert world.account.lease().is_held_by(RUN_ID)


def test_an_execution_that_aws_does_not_know_yet_is_spared(world, monkeypatch):
    refusing("stepfunctions", {"DescribeExecution": "ExecutionDoesNotExist"}, monkeypatch)
    world.take()
    world.account.time.forward(minutes=1)
    assert handler(EVENT, None)["reason"] is None
    world.account.time.forward(minutes=1)
    assert "has ended" in handler(EVENT, None)["reason"]


def test_a_stop_that_has_no_effect_is_forced_after_ten_minutes(world, monkeypatch):
    world.start()
    world.account.take_lease()
    world.account.leases.release(RUN_ID, 1)
    stopping = world.account.describe() | {"State": {"Name": "stopping"}}
    answers = {
        "DescribeInstances": lambda _: {"Reservations": [{"Instances": [stopping]}]},
        "StopInstances": lambda request: world.stops.append(request["Force"]),
    }
    answering("ec2", answers, monkeypatch)
    for _ in range(3):
        assert handler(EVENT, None)["state"] == "stopping"
        world.account.time.forward(minutes=5)
    assert world.stops == [True]
    assert len(world.notices) == 1


def test_the_next_launch_has_ten_minutes_of_its_own(account):
    first = account.leases.note_sweep(START)
    account.time.forward(minutes=20)
    assert account.leases.note_sweep(START) == first
    assert account.leases.note_sweep(START + timedelta(minutes=15)) == account.time()


def test_a_first_boot_is_spared(world):
    world.start()
    launched_at = world.account.describe()["LaunchTime"]
    world.account.time.time = launched_at + decisions.FIRST_BOOT - timedelta(minutes=1)
    assert handler(EVENT, None)["reason"] is None
    world.account.time.forward(minutes=1)
    assert handler(EVENT, None) == {"state": "stopped", "reason": "no run holds it"}


def test_a_sweep_that_could_not_look_is_not_counted(world, monkeypatch, capsys):
    refusing("ec2", {"DescribeInstances": "UnauthorizedOperation"}, monkeypatch)
    with pytest.raises(Exception, match="DescribeInstances"):
        handler(EVENT, None)
    assert "SweeperRan" not in capsys.readouterr().out


def test_a_deadline_is_kept_though_nobody_can_say_whether_the_owner_runs(world, monkeypatch):
    refusing("stepfunctions", {"DescribeExecution": "AccessDeniedException"}, monkeypatch)
    world.take()
    with pytest.raises(Exception, match="DescribeExecution"):
        handler(EVENT, None)
    assert world.account.state() == "running"
    world.account.time.forward(hours=6)
    assert "deadline" in handler(EVENT, None)["reason"]
    assert world.account.state() == "stopped"


def test_without_an_instance_there_is_nothing_to_sweep(world, monkeypatch):
    monkeypatch.delenv("INSTANCE_ID")
    assert handler(EVENT, None) == {"state": "unknown", "reason": None}


def test_the_owner_is_asked_for_by_its_arn(world, monkeypatch):
    asked = []
    answer = {"DescribeExecution": lambda request: asked.append(request["executionArn"]) or {"status": "RUNNING"}}
    answering("stepfunctions", answer, monkeypatch)
    world.take()
    handler(EVENT, None)
    assert asked == [EXECUTION_ARN]
