"""SweepInstances: every ten minutes, stops an instance that nobody needs, and makes sure that it did stop.

It trusts nothing that the workflow says about itself: it looks at the instance, the lease and the execution that holds
it. It also gives a lease back whose execution has ended without doing so.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.exceptions import BotoCoreError, ClientError
from slm_core import clock, decisions
from slm_core.card import stop_card
from slm_core.environment import Environment, environment
from slm_core.instance import Instance, InstanceView
from slm_core.lease import Lease, LeaseTable, is_running
from slm_core.notices import tell
from slm_core.step import metrics, step
from slm_core.stopping import AT_REST


@step
def handler(_event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Return what was seen and done."""
    found = Sweep(environment()).go()
    metrics.add_metric(name="SweeperRan", unit=MetricUnit.Count, value=1)
    metrics.add_metric(name="InstanceOverdue", unit=MetricUnit.Count, value=int(found.reason is not None))
    metrics.flush_metrics()
    return {"state": found.state, "reason": found.reason}


class Found(NamedTuple):
    """What one look saw."""

    state: str
    reason: str | None = None


class Sweep:
    """One look at the stack's instance."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        self._leases = LeaseTable(env.lease_table)

    def go(self) -> Found:
        """Return the instance's state and why it was stopped, if it was."""
        instance_id = self._env.instance_id or self._leases.read().instance_id
        if instance_id is None:
            return Found("unknown")
        instance = Instance(instance_id)
        # the instance before the lease: a run that takes the lease in between finds the instance as it was seen here
        view = instance.describe()
        lease = self._leases.read()
        try:
            owner_runs = lease.owner_arn is not None and is_running(lease.owner_arn)
        except (ClientError, BotoCoreError):
            # nobody can say whether the owner runs, but a deadline or a lease that is over is over all the same
            reason = decisions.why_sweep(view, lease, clock.now(), owner_runs=True)
            if view.state in AT_REST or reason is None:
                raise
            return Found(self._stop(instance, view, reason), reason)
        if view.state in AT_REST:
            self._tidy(lease, owner_runs=owner_runs)
            return Found(view.state)
        reason = decisions.why_sweep(view, lease, clock.now(), owner_runs=owner_runs)
        if reason is None:
            return Found(view.state)
        return Found(self._stop(instance, view, reason), reason)

    def _stop(self, instance: Instance, view: InstanceView, reason: str) -> str:
        asked_at = self._leases.note_sweep(view.launched_at)
        is_forced = clock.now() - asked_at >= decisions.FORCE_AFTER
        if view.state == "stopping" and not is_forced:
            return view.state
        instance.stop(is_forced=is_forced)
        state = instance.describe().state
        tell(self._env.topic_arn, *stop_card(view.instance_id, reason, state))
        return state

    def _tidy(self, lease: Lease, *, owner_runs: bool) -> None:
        """Give back the lease of an execution that ended without doing so; its instance is at rest."""
        if lease.run_id is None or not decisions.is_abandoned(lease, clock.now(), owner_runs=owner_runs):
            return
        if lease.launches:
            self._leases.record_stop(lease.run_id, lease.fence, lease.ordered_launches[-1])
        self._leases.release(lease.run_id, lease.fence)
