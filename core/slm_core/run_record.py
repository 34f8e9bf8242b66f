"""The run record: what a run used, how it ended and where everything is."""

from __future__ import annotations

from botocore.exceptions import BotoCoreError, ClientError

from slm_core.environment import Environment
from slm_core.errors import FineTuneSlmError
from slm_core.history import requests_of
from slm_core.instance import Instance
from slm_core.lease import Lease
from slm_core.records import InstanceRecord, LaunchRecord
from slm_core.run_cost import Consumption
from slm_core.state import Execution

NEVER_STARTED = "never_started"
UNKNOWN = "unknown"


def consumption(execution: Execution, env: Environment) -> Consumption:
    """Return what an execution used besides its instance's time; a history that cannot be read counts for nothing."""
    try:
        requests = requests_of(execution.arn)
    except (ClientError, BotoCoreError):
        # the record is worth more than this line of it
        requests = None
    return Consumption(execution.started_at, env.storage_gib, requests)


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
