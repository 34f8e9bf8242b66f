"""What the shortcuts leave out makes no difference: the same schedules, with them and all the way through botocore."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError
from slm_core.aws import client
from slm_core.lease import LeaseTable, Owner

from tests.faults.fault import CallFault, HostFault, Schedule
from tests.faults.play import Finding, play
from tests.faults.world import shortcuts
from tests.faults.world.world import LEASE_TABLE, Account, World

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning")


def shown(finding: Finding) -> dict[str, Any]:
    return vars(finding) | {"schedule": None}


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(faults=(HostFault(kind="crash", minute=9), HostFault(kind="nan", minute=25))),
        Schedule(faults=(CallFault(kind="stale", function="CheckTraining", operation="ec2.DescribeInstances"),)),
    ],
    ids=str,
)
def test_a_schedule_shows_the_same_the_long_way(schedule: Schedule, account: Account) -> None:
    quick = play(schedule, account)
    with shortcuts.switched_off():
        slow = play(schedule, account)
    assert shown(quick) == shown(slow)
    assert quick.violations == []


def test_a_write_whose_condition_fails_fails_in_the_same_way(account: Account) -> None:
    def write(fence: int) -> None:
        LeaseTable(LEASE_TABLE)._table.update_item(
            Key={"lease_name": "gpu-instance"},
            UpdateExpression="SET heartbeat_at = :now",
            ConditionExpression="fence = :fence",
            ExpressionAttributeValues={":now": "now", ":fence": fence},
        )

    def refusal() -> ClientError:
        with pytest.raises(ClientError) as raised:
            write(fence=7)
        return raised.value

    with World(account).open():
        LeaseTable(LEASE_TABLE).acquire(Owner(arn="an:arn", run_id="run", instance_id=account.instance_id))
        write(fence=1)
        quick = refusal()
        with shortcuts.switched_off():
            slow = refusal()
    assert (type(quick), str(quick), quick.response["Error"]) == (type(slow), str(slow), slow.response["Error"])


def test_an_object_that_is_missing_is_missing_in_the_same_way(account: Account) -> None:
    world = World(account)
    with world.open():
        bucket = world.bucket
        with pytest.raises(client("s3").exceptions.NoSuchKey):
            client("s3").get_object(Bucket=bucket, Key="nothing")
        with shortcuts.switched_off(), pytest.raises(client("s3").exceptions.NoSuchKey):
            client("s3").get_object(Bucket=bucket, Key="nothing")


def test_a_lease_reads_the_same_both_ways(account: Account) -> None:
    world = World(account)
    with world.open():
        LeaseTable(LEASE_TABLE).acquire(Owner(arn="an:arn", run_id="run", instance_id=account.instance_id))
        quick = LeaseTable(LEASE_TABLE).read()
        with shortcuts.switched_off():
            assert LeaseTable(LEASE_TABLE).read() == quick
        assert quick.run_id == "run"
