"""A run id that is used again: Step Functions frees a name after 90 days, and with the state machine."""

from __future__ import annotations

from typing import Any

from slm_core.layout import RunKeys
from slm_core.lease import LeaseTable

from tests.faults.fault import RunPlan
from tests.faults.invariants import Verdict
from tests.faults.outcomes import commits
from tests.faults.world.world import LEASE_TABLE, World

LONGEST_SECONDS = 6 * 3600
AFTERMATH_SECONDS = 30 * 60


def play_again(world: World, plan: RunPlan, verdict: Verdict) -> None:
    """Start a run that has its record once more under its name, and look whether anything is another than before."""
    name = world.execution_name(plan.name)
    if RunKeys(name).record not in world.objects():
        return
    before = _effects(world)
    world.forget_execution(plan.name)
    world.start(plan.name, plan.execution_input)
    world.timeline.run(lambda: name in world.statuses, world.timeline.seconds() + LONGEST_SECONDS)
    world.timeline.run(lambda: False, world.timeline.seconds() + AFTERMATH_SECONDS)
    after = _effects(world)
    changed = [what for what in before if before[what] != after[what]]
    verdict.require("repeating a run id changes nothing", not changed, f"{name}: {changed} changed")
    verdict.require("every execution ends", name in world.statuses, f"{name}, repeated, still runs")


def _effects(world: World) -> dict[str, Any]:
    lease = LeaseTable(LEASE_TABLE).read()
    return {
        "the bucket": world.objects(),
        "the Hub": [commit.oid for commit in commits(world)],
        "the lease": (lease.fence, lease.owner_arn),
        "the instance": (world.instance().state, list(world.host.running_seconds), str(world.instance().get_tags())),
    }
