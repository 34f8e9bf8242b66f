"""The run record: what a run used, how it ended and where everything is."""

from __future__ import annotations

from typing import NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from slm_core import clock
from slm_core.errors import FineTuneSlmError
from slm_core.instance import Instance
from slm_core.lease import Lease
from slm_core.prices import PriceTable
from slm_core.records import InstanceRecord, LaunchRecord

NEVER_STARTED = "never_started"
UNKNOWN = "unknown"


class Usage(NamedTuple):
    """What AWS bills for the instance of a run."""

    billed_seconds: float
    cost_usd: float


def usage_of(lease: Lease, prices: PriceTable) -> Usage:
    """Return the billed seconds and the cost of every launch; one that still runs counts until now."""
    billed = [
        (launch.instance_type, prices.billed_seconds((launch.stopped_at or clock.now()) - launch.launched_at))
        for launch in lease.ordered_launches
    ]
    cost_usd = sum(prices.cost_usd(instance_type, seconds) for instance_type, seconds in billed)
    return Usage(round(sum(seconds for _, seconds in billed), 1), round(cost_usd, 4))


def instance_record(lease: Lease) -> InstanceRecord | None:
    """Return what the lease's run used of its instance and the state in which it is now; None when it has none."""
    if lease.instance_id is None:
        return None
    launches = lease.ordered_launches
    return InstanceRecord(
        instance_id=lease.instance_id,
        instance_type=launches[-1].instance_type if launches else None,
        state=_verified_state(lease, lease.instance_id),
        launched_at=launches[0].launched_at if launches else None,
        stopped_at=launches[-1].stopped_at if launches else None,
        launches=tuple(LaunchRecord.model_validate(launch.model_dump()) for launch in launches),
    )


def _verified_state(lease: Lease, instance_id: str) -> str:
    if not lease.launches and lease.start_requested_at is None and not lease.is_taken_over:
        return NEVER_STARTED
    try:
        return Instance(instance_id).describe().state
    except (ClientError, BotoCoreError, FineTuneSlmError):
        # the record must be written even so, and it must not claim what was not seen
        return UNKNOWN
