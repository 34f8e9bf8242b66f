"""The lease: one owner at a time, a fence that grows, and effects of earlier owners that change nothing."""

import pytest
from slm_core.errors import InstanceBusyError, LeaseLostError
from slm_core.lease import TERM, Launch, SentCommand

from tests.unit.emulated_account import EXECUTION_ARN, RUN_ID, START, answering, refusing

OTHER_ARN = EXECUTION_ARN.replace(RUN_ID, "run-2")


def _executions(monkeypatch, status):
    answering("stepfunctions", {"DescribeExecution": lambda _: {"status": status}}, monkeypatch)


def test_a_free_lease_has_no_owner(account):
    assert account.lease().owner_arn is None
    assert not account.lease().is_held_by(RUN_ID)


def test_taking_the_lease_twice_keeps_the_fence(account):
    first = account.take_lease()
    account.time.forward(minutes=5)
    assert account.take_lease() == first
    assert (first.fence, first.run_id, first.acquired_at) == (1, RUN_ID, START)


def test_a_lease_of_a_running_execution_is_not_taken(account, monkeypatch):
    account.take_lease()
    _executions(monkeypatch, "RUNNING")
    with pytest.raises(InstanceBusyError, match=RUN_ID):
        account.take_lease("run-2", OTHER_ARN)
    assert account.lease().is_held_by(RUN_ID)


@pytest.mark.parametrize("status", ["FAILED", "ABORTED", "TIMED_OUT", "SUCCEEDED"])
def test_a_lease_of_an_ended_execution_is_taken_under_the_next_fence(account, monkeypatch, status):
    account.take_lease()
    account.leases.request_start(RUN_ID, 1)
    _executions(monkeypatch, status)
    taken = account.take_lease("run-2", OTHER_ARN)
    assert (taken.fence, taken.run_id, taken.start_requested_at, taken.launches) == (2, "run-2", None, {})


def test_a_lease_of_an_execution_that_aws_does_not_know_is_taken_after_two_minutes(account, monkeypatch):
    account.take_lease()
    refusing("stepfunctions", {"DescribeExecution": "ExecutionDoesNotExist"}, monkeypatch)
    account.time.forward(seconds=119)
    with pytest.raises(InstanceBusyError, match=RUN_ID):
        account.take_lease("run-2", OTHER_ARN)
    account.time.forward(seconds=1)
    assert account.take_lease("run-2", OTHER_ARN).fence == 2


def test_of_two_that_take_it_at_once_one_is_told_that_it_is_busy(account, monkeypatch):
    free = account.lease()
    account.take_lease()
    monkeypatch.setattr(account.leases, "read", lambda: free)
    with pytest.raises(InstanceBusyError, match="same moment"):
        account.take_lease("run-2", OTHER_ARN)


def test_the_fence_stays_when_the_lease_is_released(account):
    account.take_lease()
    account.leases.release(RUN_ID, 1)
    assert (account.lease().owner_arn, account.lease().fence) == (None, 1)
    assert account.take_lease("run-2", OTHER_ARN).fence == 2


def test_a_late_release_does_not_take_the_lease_from_its_new_owner(account):
    account.take_lease()
    account.leases.release(RUN_ID, 1)
    account.take_lease("run-2", OTHER_ARN)
    account.leases.release(RUN_ID, 1)
    assert account.lease().is_held_by("run-2")


@pytest.mark.parametrize(("run_id", "fence"), [("run-2", 1), (RUN_ID, 2)])
def test_every_effect_needs_the_run_and_its_fence(account, run_id, fence):
    account.take_lease()
    launch = Launch(instance_type="g6.2xlarge", launched_at=START)
    command = SentCommand(command_id="c", launched_at=START, sent_at=START)
    before = account.lease()
    for effect in (
        lambda: account.leases.require(run_id, fence),
        lambda: account.leases.beat(run_id, fence),
        lambda: account.leases.request_start(run_id, fence),
        lambda: account.leases.record_launch(run_id, fence, launch, START),
        lambda: account.leases.record_command(run_id, fence, command),
        lambda: account.leases.record_loss(run_id, fence, "key", "reason"),
    ):
        with pytest.raises(LeaseLostError):
            effect()
    assert account.lease() == before


def test_a_heartbeat_is_written_with_the_time(account):
    account.take_lease()
    account.time.forward(minutes=3)
    account.leases.beat(RUN_ID, 1)
    assert account.lease().heartbeat_at == account.time()


def test_a_stop_closes_its_launch_once(account):
    account.take_lease()
    launch = Launch(instance_type="g6.2xlarge", launched_at=START)
    account.leases.request_start(RUN_ID, 1)
    account.leases.record_launch(RUN_ID, 1, launch, START)
    account.time.forward(minutes=10)
    stopped_at = account.time()
    account.leases.record_stop(RUN_ID, 1, launch)
    account.time.forward(minutes=10)
    account.leases.record_stop(RUN_ID, 1, launch)
    assert account.lease().ordered_launches == (launch.model_copy(update={"stopped_at": stopped_at}),)
    assert account.lease().start_requested_at is None


def test_the_same_loss_counts_once(account):
    account.take_lease()
    counts = [account.leases.record_loss(RUN_ID, 1, key, "why") for key in ("command a", "command a", "command b")]
    assert counts == [1, 1, 2]


def test_a_lease_runs_for_its_term_from_each_heartbeat_and_ends_with_the_release(account):
    assert account.take_lease().lease_until == account.time() + TERM
    account.time.forward(minutes=30)
    account.leases.beat(RUN_ID, 1)
    assert account.lease().lease_until == account.time() + TERM
    account.leases.release(RUN_ID, 1)
    assert account.lease().lease_until is None
