"""StopInstance, StopBeforeRelaunch, StopAfterFailure: request, look, and be retried until the instance is stopped."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from slm_core.environment import environment
from slm_core.errors import InstanceStillRunningError
from slm_core.instance import Instance
from slm_core.lease import LeaseTable
from slm_core.run_record import NEVER_STARTED
from slm_core.state import ExecutionInput, StoppedState
from slm_core.step import step

_STOPPED = {"stopped", "terminated"}


@step
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Return the state in which the instance was seen last."""
    execution = ExecutionInput.model_validate(event).execution
    return stop_instance(execution.name, LeaseTable(environment().lease_table)).model_dump(mode="json")


def stop_instance(run_id: str, leases: LeaseTable) -> StoppedState:
    """Return when the instance is stopped; the instance is the lease's, and only if the lease names this run.

    Raises: InstanceStillRunningError, to be tried again.
    """
    lease = leases.read()
    # the owner before, if it never released the lease, may have left the instance running
    was_touched = lease.launches or lease.start_requested_at or lease.is_taken_over
    if not lease.is_held_by(run_id) or lease.instance_id is None or not was_touched:
        return StoppedState(state=NEVER_STARTED)
    instance = Instance(lease.instance_id)
    view = instance.describe()
    if view.state not in _STOPPED:
        instance.stop()
        view = instance.describe()
    if view.state not in _STOPPED:
        raise InstanceStillRunningError(f"Instance {view.instance_id} is {view.state}, not stopped")
    if lease.launches:
        leases.record_stop(run_id, lease.fence, lease.ordered_launches[-1])
    return StoppedState(state=view.state)
