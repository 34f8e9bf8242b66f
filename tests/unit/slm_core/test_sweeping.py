"""When a running instance must be stopped: every reason, and no other."""

from datetime import timedelta

import pytest
from slm_core import decisions
from slm_core.instance import InstanceView
from slm_core.lease import TERM, Lease

from tests.unit.emulated_account import EXECUTION_ARN, START

VIEW = InstanceView(
    instance_id="i-1", instance_type="g6.2xlarge", state="running", state_reason=None, launched_at=START
)


def _lease(**changes):
    lease = {
        "fence": 1,
        "owner_arn": EXECUTION_ARN,
        "run_id": "run-1",
        "instance_id": "i-1",
        "acquired_at": START,
        "heartbeat_at": START,
        "lease_until": START + TERM,
        "deadline_at": START + timedelta(hours=6),
    }
    return Lease.model_validate(lease | changes)


def _why(minutes, *, owner_runs=True, **changes):
    return decisions.why_sweep(VIEW, _lease(**changes), START + timedelta(minutes=minutes), owner_runs=owner_runs)


@pytest.mark.parametrize(
    ("changes", "minutes", "owner_runs", "reason"),
    [
        ({}, 74, True, None),
        ({}, 75, True, "no sign of life"),
        ({"lease_until": None}, 1, True, "no sign of life"),
        ({"lease_until": START + timedelta(hours=9)}, 359, True, None),
        ({"lease_until": START + timedelta(hours=9)}, 360, True, "deadline"),
        ({"deadline_at": None}, 74, True, None),
        ({}, 1, False, None),
        ({}, 2, False, "has ended"),
        ({"acquired_at": None}, 1, False, "has ended"),
        ({"owner_arn": None}, 1, False, "no run holds it"),
        ({"owner_arn": None, "fence": 0}, 44, False, None),
        ({"owner_arn": None, "fence": 0}, 45, False, "no run holds it"),
        ({"owner_arn": None, "instance_id": "i-0"}, 44, False, None),
        ({"owner_arn": None, "instance_id": "i-0"}, 45, False, "no run holds it"),
        ({"instance_id": "i-0"}, 44, False, None),
        ({"instance_id": "i-0"}, 45, False, "has ended"),
    ],
)
def test_an_instance_is_stopped_for_a_reason_or_spared(changes, minutes, owner_runs, reason):
    why = _why(minutes, owner_runs=owner_runs, **changes)
    assert (reason is None and why is None) or (why is not None and reason in why)


@pytest.mark.parametrize(("owner_arn", "owner_runs"), [(None, False), (EXECUTION_ARN, True)])
def test_a_free_lease_and_one_that_is_in_use_are_not_abandoned(owner_arn, owner_runs):
    lease = _lease(owner_arn=owner_arn)
    assert not decisions.is_abandoned(lease, START + timedelta(hours=1), owner_runs=owner_runs)
