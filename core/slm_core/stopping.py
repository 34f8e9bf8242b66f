"""Stopping a run's instance: what the workflow's stop states and the reaper have in common."""

from __future__ import annotations

from slm_core.errors import InstanceStillRunningError
from slm_core.instance import Instance
from slm_core.lease import LeaseTable
from slm_core.run_record import NEVER_STARTED
from slm_core.state import StoppedState

AT_REST = frozenset({"stopped", "terminated"})


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
    if view.state not in AT_REST:
        instance.stop()
        view = instance.describe()
    if view.state not in AT_REST:
        raise InstanceStillRunningError(f"Instance {view.instance_id} is {view.state}, not stopped")
    if lease.launches:
        leases.record_stop(run_id, lease.fence, lease.ordered_launches[-1])
    return StoppedState(state=view.state)
