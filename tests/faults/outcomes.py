"""What must have come of every run: the promises that need the whole story, and of runs that nothing stood against.

A product that always fails breaks none of the promises in invariants.py: these are the other half.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from slm_core.errors import leaves
from slm_core.layout import RunKeys, release_key
from slm_core.lease import LeaseTable
from slm_core.prices import load_prices
from slm_core.records import ReleaseHistory, RunRecord
from slm_core.training_config import load_training_config

from tests.faults.fault import CallFault, Fault, HostFault, HubFault, RunPlan, Schedule, WorkflowFault
from tests.faults.invariants import UNRECORDED, Verdict, run_ids
from tests.faults.world.host import digest
from tests.faults.world.world import LEASE_TABLE, ROOT, TYPES, World

OVERHEAD_SECONDS = 1800
BILL_MARGIN_SECONDS = 90
STOPPED_MARGIN_SECONDS, STOPPED_WITHOUT_SWEEPER_MARGIN_SECONDS = 1800, 4200
# a run waits for its turn at least this long: the retries of InstanceBusyError are spread at random
SURELY_WAITED_SECONDS = 1800
_TRANSIENT = {"throttled", "unavailable", "internal", "slow down"}
_PASSING_ON_THE_HUB = {"429", "500", "503", "broken"}
_SURVIVED_BY_THE_RUN = {"crash", "reboot", "hang", "stopped", "scarce", "capacity 1", "capacity 3", "exit 137"}
_NAMED = {
    "nan": "TrainingDivergedError",
    "oom": "TrainingOutOfMemoryError",
    "disk full": "DiskFullError",
    "corrupt": "ArtifactCorruptError",
}
_TRAINING_MINUTES = (8, 14)
_LIMITS = {"max_hours", "budget_usd"}


def judge_outcomes(world: World, schedule: Schedule, verdict: Verdict) -> None:
    """Look at what became of the runs of a world."""
    for check in (
        _came_to_its_end,
        _on_the_hub,
        _pointed_to,
        _head_is_named,
        _within_limits,
        _billed,
        _recorded,
        _lease_returned,
    ):
        check(world, schedule, verdict)


def _runs(world: World, schedule: Schedule) -> Iterator[tuple[RunPlan, Any]]:
    for plan in schedule.runs:
        execution = world.execution(plan.name)
        if execution is not None:
            yield plan, execution


def _came_to_its_end(world: World, schedule: Schedule, verdict: Verdict) -> None:
    is_survivable = len(schedule.faults) <= 1 and all(_is_survivable(fault) for fault in schedule.faults)
    if not is_survivable or (schedule.faults and len(schedule.runs) > 1):
        return
    named = {_NAMED[fault.kind] for fault in schedule.faults if fault.kind in _NAMED}
    is_certain = any(fault.kind in _NAMED and _meets_training(fault) for fault in schedule.faults)
    for plan, execution in _runs(world, schedule):
        needed_seconds, limit_seconds = plan.steps * plan.seconds_per_step, _limit_seconds(plan)
        if set(json.loads(plan.execution_input)) - _LIMITS:
            continue
        if needed_seconds <= limit_seconds < needed_seconds + OVERHEAD_SECONDS * (1 + len(schedule.faults)):
            continue
        wanted = "DeadlineExceededError" if needed_seconds > limit_seconds else None
        if wanted is None and plan.f1 < _least_f1(schedule):
            wanted = "ModelRejectedError"
        ended = execution.error if execution.exec_status.value == "FAILED" else None
        allowed = named if is_certain else {wanted, *named, *_may_be_busy(plan, schedule)}
        is_kept = execution.exec_status.value in {"SUCCEEDED", "FAILED"} and ended in allowed
        how = f"{plan.name} ended with {execution.exec_status.value} {ended} instead of {wanted or 'success'}"
        verdict.require("a run ends as its plan says when nothing worse than a passing fault meets it", is_kept, how)


def _may_be_busy(plan: RunPlan, schedule: Schedule) -> set[str]:
    others_seconds = [other.steps * other.seconds_per_step for other in schedule.runs if other is not plan]
    return {"InstanceBusyError"} if max(others_seconds, default=0.0) > SURELY_WAITED_SECONDS else set()


def _is_survivable(fault: Fault) -> bool:
    if isinstance(fault, CallFault):
        return fault.kind in _TRANSIENT and fault.times == 1 and not fault.is_after
    if isinstance(fault, HubFault):
        return fault.kind in _PASSING_ON_THE_HUB and fault.times == 1 and not fault.is_after
    return isinstance(fault, HostFault) and (fault.kind in _SURVIVED_BY_THE_RUN or fault.kind in _NAMED)


def _meets_training(fault: Fault) -> bool:
    return isinstance(fault, HostFault) and _TRAINING_MINUTES[0] <= fault.minute <= _TRAINING_MINUTES[1]


def _on_the_hub(world: World, schedule: Schedule, verdict: Verdict) -> None:
    objects, history = world.objects(), list(_history(world))
    archives = {
        keys.run_id: files
        for keys in map(RunKeys, run_ids(world, schedule))
        if (files := files_under(objects, keys.archive))
    }
    for files in history:
        how = f"a commit holds {sorted(files)}"
        verdict.require("every commit on main is a whole release", files in [{}, *archives.values()], how)
    for plan, execution in _runs(world, schedule):
        archive = archives.get(execution.name)
        is_there = archive is not None and archive in history
        if execution.exec_status.value == "SUCCEEDED" and json.loads(plan.execution_input).get("publish", True):
            verdict.require("success means published", is_there, execution.name)
        if plan.f1 < _least_f1(schedule):
            verdict.require("a rejected model is never published", not is_there, execution.name)


def _least_f1(schedule: Schedule) -> float:
    """Return what the gate asks for: its bound, and not much less than the release before."""
    gate = _config().gate
    return max(gate.macro_f1_min, (schedule.earlier_f1 or 0.0) - gate.macro_f1_loss_max)


def _pointed_to(world: World, schedule: Schedule, verdict: Verdict) -> None:
    objects = world.objects()
    content = objects.get(release_key(world.repo))
    releases = ReleaseHistory.model_validate_json(content).releases if content else ()
    on_main = {commit.oid for commit in commits(world)}
    for release in releases:
        is_there = release.revision in on_main and RunKeys(release.run_id).archive_manifest in objects
        how = f"{release.run_id} at {release.revision}, main has {sorted(on_main)}"
        verdict.require("the pointer names archived releases that main holds", is_there, how)
    for plan, execution in _runs(world, schedule):
        if execution.exec_status.value == "SUCCEEDED" and json.loads(plan.execution_input).get("publish", True):
            is_named = execution.name in {release.run_id for release in releases}
            verdict.require("success moves the pointer", is_named, execution.name)


def _head_is_named(world: World, schedule: Schedule, verdict: Verdict) -> None:
    """The pointer names main's head, unless the only function that knows of the commit could not go on to note it.

    Commit and pointer lie on two sides of the internet. They may part where a run that did not succeed was ended from
    outside, where PublishModel or its calls to AWS failed, and where the Hub made the commit and answered otherwise.
    """
    head = next(commits(world), None)
    if head is None or not set(head.files) - {".gitattributes"}:
        return
    statuses = {execution.exec_status.value for _, execution in _runs(world, schedule)}
    if statuses & {"ABORTED", "TIMED_OUT"} or ("FAILED" in statuses and any(map(_may_part, schedule.faults))):
        return
    content = world.objects().get(release_key(world.repo))
    current = ReleaseHistory.model_validate_json(content).current if content else None
    how = f"main is at {head.oid}, the pointer names {current and current.revision}"
    verdict.require("the pointer names main's head", current is not None and current.revision == head.oid, how)


def _may_part(fault: Fault) -> bool:
    """Return whether a fault can come between a commit and the note of it."""
    if isinstance(fault, HubFault):
        return fault.is_after
    return isinstance(fault, WorkflowFault) or getattr(fault, "function", "") == "PublishModel"


def _history(world: World) -> Iterator[dict[str, str]]:
    for commit in commits(world):
        yield {path: file.sha256 for path, file in commit.files.items() if path != ".gitattributes"}


def commits(world: World) -> Iterator[Any]:
    """Yield the commits of the Hub's main, the newest first."""
    store = world.account.hub.store
    oid = "main" if store.exists(world.repo) else None
    while oid:
        commit = store.resolve(world.repo, oid)
        yield commit
        oid = commit.parent


def files_under(objects: Mapping[str, bytes], prefix: str) -> dict[str, str]:
    """Return the digests of the objects under a prefix, by their path."""
    return {key.removeprefix(prefix): digest(content) for key, content in objects.items() if key.startswith(prefix)}


def _within_limits(world: World, schedule: Schedule, verdict: Verdict) -> None:
    if len(schedule.runs) > 1 or any(getattr(fault, "kind", "") == "started" for fault in schedule.faults):
        return
    margin = STOPPED_MARGIN_SECONDS if schedule.has_sweeper else STOPPED_WITHOUT_SWEEPER_MARGIN_SECONDS
    ran_seconds = _ran_seconds(world)
    is_kept = ran_seconds <= _limit_seconds(schedule.runs[0]) + margin
    verdict.require("the instance runs no longer than the run's limits", is_kept, f"{ran_seconds / 3600:.1f} h")


def _billed(world: World, schedule: Schedule, verdict: Verdict) -> None:
    record = _record(world, world.execution_name(schedule.runs[0].name))
    if schedule.faults or len(schedule.runs) > 1 or record is None or record.status == "failed":
        return
    ran_seconds = _ran_seconds(world)
    is_right = abs((record.billed_seconds or 0) - ran_seconds) <= BILL_MARGIN_SECONDS
    how = f"{record.billed_seconds} s in the record, {ran_seconds:.0f} s in EC2"
    verdict.require("the record tells what AWS bills", is_right, how)


def _recorded(world: World, schedule: Schedule, verdict: Verdict) -> None:
    faults_are_endings = all(isinstance(fault, WorkflowFault) for fault in schedule.faults)
    is_heard = schedule.layers.reaper and not any(getattr(f, "kind", "") == "event lost" for f in schedule.faults)
    for _, execution in _runs(world, schedule):
        status, record = execution.exec_status.value, _record(world, execution.name)
        is_prepared = RunKeys(execution.name).spec in world.objects()
        if status in {"ABORTED", "TIMED_OUT"} and faults_are_endings and is_heard and is_prepared:
            verdict.require("a run that was ended has a record", record is not None, execution.name)
        if status == "FAILED" and execution.error in leaves() and UNRECORDED not in (execution.cause or ""):
            failure = record.failure if record else None
            is_told = failure is not None and failure.error == execution.error
            how = f"{execution.name}: {execution.error}, the record says {failure}"
            verdict.require("a failed run's record names its error", is_told, how)


def _lease_returned(world: World, schedule: Schedule, verdict: Verdict) -> None:
    if not schedule.has_sweeper:
        return
    lease = LeaseTable(LEASE_TABLE).read()
    verdict.require("an hour after the last run the lease is free", lease.owner_arn is None, f"{lease.owner_arn}")


def _record(world: World, run_id: str) -> RunRecord | None:
    content = world.objects().get(RunKeys(run_id).record)
    return RunRecord.model_validate_json(content) if content else None


def _ran_seconds(world: World) -> float:
    return sum((world.timeline.seconds() if end is None else end) - start for start, end in world.host.running_seconds)


def _limit_seconds(plan: RunPlan) -> float:
    """Return the larger of the limits of the two allowed types."""
    given = json.loads(plan.execution_input)
    given = given if isinstance(given, dict) else {}
    limits, prices = _config().limits, _prices()
    cheapest = min(prices.price(instance_type) for instance_type in TYPES)
    hours = min(given.get("max_hours", limits.max_hours), given.get("budget_usd", limits.budget_usd) / cheapest)
    return float(hours) * 3600


@cache
def _prices() -> Any:
    return load_prices(ROOT / "config" / "prices.yml")


@cache
def _config() -> Any:
    return load_training_config(ROOT / "config" / "training_config.yml")
