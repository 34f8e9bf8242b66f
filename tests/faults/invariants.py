"""What must hold whatever goes wrong; each check is counted, and a violation says which promise was broken and how."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from slm_core.errors import leaves
from slm_core.layout import RunKeys
from slm_core.lease import LeaseTable
from slm_core.records import Manifest, RunRecord

from tests.faults.canary import CANARY_SENTENCES, CANARY_TOKEN
from tests.faults.fault import Schedule
from tests.faults.world.functions import Invocation
from tests.faults.world.host import digest
from tests.faults.world.release import EARLIER
from tests.faults.world.world import LEASE_TABLE, World, deadline_of

STOPPED_WITHIN_MINUTES, STOPPED_WITHOUT_SWEEPER_MINUTES = 20.0, 60.0
GUARD = "the host's guard"
MAX_EVENTS, MAX_PAYLOAD_BYTES = 20_000, 262_144
LOST_WORK_MARGIN_SECONDS = 120.0
# the sweeper's interval, twice: the stop itself may fail once
OUTLIVED = timedelta(minutes=21)
_LIFE_SIGN = timedelta(minutes=20)
_ACTING = {
    "ec2.StartInstances",
    "ec2.ModifyInstanceAttribute",
    "ssm.SendCommand",
    "ec2.CreateTags",
    "ec2.StopInstances",
}
UNRECORDED = "read the execution history, and make sure that the instance is stopped"
_SAVERS = {"torn", "disk", "unstaged"}


@dataclass
class Verdict:
    """What the checks of one schedule found."""

    checked: Counter[str] = field(default_factory=Counter)
    violations: list[str] = field(default_factory=list)
    minutes_to_stop: float | None = None
    stopped_by: str | None = None

    def require(self, name: str, is_kept: bool, how: str = "") -> None:
        """Count one check."""
        self.checked[name] += 1
        if not is_kept:
            self.violations.append(f"{name}: {how}")


class Watch:
    """Looks on while a world runs, for what cannot be seen afterwards."""

    def __init__(self, world: World, verdict: Verdict) -> None:
        self._world = world
        self._verdict = verdict
        self.stopped_by: str | None = None
        self._owner_of: dict[int, str] = {}

    def before_call(self, invocation: Invocation, name: str, request: Mapping[str, Any]) -> None:
        """Look at a call of a function that is about to be made."""
        del request
        if name in _ACTING and invocation.function != "SweepInstances":
            self._one_fence_acts(invocation, name)
        if name == "ec2.StopInstances":
            if self._world.instance().state == "running":
                self.stopped_by = invocation.function
            if invocation.function in {"ReapRun", "SweepInstances"}:
                self.healthy_run_is_spared(invocation.function)

    def healthy_run_is_spared(self, who: str) -> None:
        """Count a stop by one of the outer layers: it must not hit a run that is well."""
        lease = LeaseTable(LEASE_TABLE).read()
        now = self._world.timeline.now
        owner = (lease.owner_arn or "").rpartition(":")[2]
        is_running = bool(owner) and self._world.statuses.get(owner) is None
        deadline_at = deadline_of(self._world.instance()) or lease.deadline_at
        is_in_time = deadline_at is None or now < deadline_at
        # the guard sees the host alone, the others see the lease alone
        is_alive = self._host_is_heard() if who == GUARD else lease.lease_until is not None and now < lease.lease_until
        is_healthy = is_running and is_in_time and is_alive
        self._verdict.require("a healthy leased run is never stopped", not is_healthy, f"{who} stopped run {owner}")

    def lease_is_not_outlived(self) -> None:
        """Count one look at a running instance: the sweeper has stopped it soon after its run's lease ended."""
        lease, now = LeaseTable(LEASE_TABLE).read(), self._world.timeline.now
        if self._world.instance().state != "running" or lease.lease_until is None:
            return
        how = f"run {lease.run_id}'s lease ended at {lease.lease_until:%H:%M}, it is {now:%H:%M} and the instance runs"
        self._verdict.require("no instance outlives its run's lease", now - lease.lease_until <= OUTLIVED, how)

    def _host_is_heard(self) -> bool:
        signs = (self._world.host.volume.heartbeat_at, self._world.host.booted_at)
        return any(sign is not None and self._world.timeline.now - sign < _LIFE_SIGN for sign in signs)

    def _one_fence_acts(self, invocation: Invocation, name: str) -> None:
        lease = LeaseTable(LEASE_TABLE).read()
        event = invocation.event
        run_id = (event.get("execution") or event["detail"])["name"]
        fence = event.get("run", {}).get("fence", lease.fence)
        how = (
            f"{invocation.function} of run {run_id} called {name} under fence {fence} while the lease has {lease.fence}"
        )
        is_current = lease.is_held_by(run_id) and lease.fence == fence
        self._verdict.require("one fence acts at a time", is_current, how)
        self._verdict.require(
            "no two runs have the same fence", self._owner_of.setdefault(lease.fence, run_id) == run_id, how
        )


def judge(world: World, schedule: Schedule, verdict: Verdict) -> None:
    """Look at a world whose executions have ended long ago."""
    for check in (_ended, _stopped, _archived, _published, _work_kept, _secrets_kept, _told, _noticed, _true_success):
        check(world, schedule, verdict)


def run_ids(world: World, schedule: Schedule) -> list[str]:
    """Return the ids of all runs that may have an archive."""
    names = [plan.name for plan in schedule.runs] + ([] if schedule.earlier_f1 is None else [EARLIER])
    return [world.execution_name(name) for name in names]


def _executions(world: World, schedule: Schedule) -> list[Any]:
    found = [world.execution(plan.name) for plan in schedule.runs]
    return [execution for execution in found if execution is not None]


def _ended(world: World, schedule: Schedule, verdict: Verdict) -> None:
    for execution in _executions(world, schedule):
        status = execution.exec_status.value
        events = world.history(execution)
        largest = max((len(json.dumps(event, default=str)) for event in events), default=0)
        verdict.require("every execution ends", status != "RUNNING", f"{execution.name} still runs")
        verdict.require("an execution stays under 20,000 events", len(events) < MAX_EVENTS, f"{len(events)} events")
        # Step Functions ends an execution before the history shows what was too large
        is_within = largest < MAX_PAYLOAD_BYTES and execution.error != "States.DataLimitExceeded"
        verdict.require("an event stays under 256 KB", is_within, f"{largest} bytes, ended with {execution.error}")


def _stopped(world: World, schedule: Schedule, verdict: Verdict) -> None:
    last_end = max(world.ended_at.values(), default=0.0)
    # the sweeper leaves an instance that no run ever held to its first boot, which the guard alone watches
    is_swept = schedule.has_sweeper and LeaseTable(LEASE_TABLE).read().fence > 0
    limit = STOPPED_WITHIN_MINUTES if is_swept else STOPPED_WITHOUT_SWEEPER_MINUTES
    started_by_hand = [fault for fault in schedule.faults if getattr(fault, "kind", "") == "started"]
    begin = max([last_end, *(fault.minute * 60 for fault in started_by_hand)])  # type: ignore[union-attr]
    spans = world.host.running_seconds
    late = [end - begin for _, end in spans if end is not None and end > begin]
    is_stopped = world.instance().state == "stopped"
    minutes = max(late, default=0.0) / 60
    verdict.minutes_to_stop = minutes if is_stopped else None
    how = f"instance {world.instance().state}, {minutes:.1f} min after the end"
    verdict.require("the instance is stopped in time", is_stopped and minutes <= limit, how)


def _archived(world: World, schedule: Schedule, verdict: Verdict) -> None:
    objects = world.objects()
    for run_id in run_ids(world, schedule):
        keys = RunKeys(run_id)
        manifest = objects.get(keys.archive_manifest)
        if manifest is None:
            verdict.require("the archive is absent or complete", is_kept=True)
            continue
        files = Manifest.model_validate_json(manifest).files
        wrong = [file.path for file in files if digest(objects.get(f"{keys.archive}{file.path}", b"")) != file.sha256]
        verdict.require("the archive is absent or complete", not wrong, f"{keys.run_id}: {wrong}")


def _published(world: World, schedule: Schedule, verdict: Verdict) -> None:
    store = world.account.hub.store
    if not store.exists(world.repo):
        verdict.require("the Hub's main is the old or the complete new revision", is_kept=True)
        return
    present = {path: file.sha256 for path, file in store.resolve(world.repo, "main").files.items()}
    present.pop(".gitattributes", None)
    objects = world.objects()
    releases = [_files_of(objects, RunKeys(run_id).archive) for run_id in run_ids(world, schedule)]
    if schedule.earlier_f1 is None:
        releases.append({})
    how = f"main holds {sorted(present)}"
    verdict.require("the Hub's main is the old or the complete new revision", present in releases, how)


def _files_of(objects: Mapping[str, bytes], prefix: str) -> dict[str, str]:
    return {key.removeprefix(prefix): digest(content) for key, content in objects.items() if key.startswith(prefix)}


def _work_kept(world: World, schedule: Schedule, verdict: Verdict) -> None:
    kinds = {getattr(fault, "kind", "").partition(" ")[0] for fault in schedule.faults}
    allowed = 600.0 + LOST_WORK_MARGIN_SECONDS
    if kinds & _SAVERS:
        return
    for loss in world.host.losses:
        how = f"{loss.seconds:.0f} s of run {loss.run_id}"
        verdict.require("lost work is at most a checkpoint interval and two minutes", loss.seconds <= allowed, how)


def _secrets_kept(world: World, schedule: Schedule, verdict: Verdict) -> None:
    places: dict[str, str] = {"log": world.log.getvalue(), "command": "\n".join(world.told)}
    places["answer"] = "\n".join(world.functions.responses)
    places["tag"] = str(world.instance().get_tags())
    places["event"] = "\n".join(world.events)
    places["card"] = "\n".join(world.notices)
    for execution in _executions(world, schedule):
        events = world.history(execution)
        places[f"history of {execution.name}"] = "\n".join(
            json.dumps(event, default=str) for event in events if not _shows_the_input(event)
        )
    for key, content in world.objects().items():
        if key.startswith("runs/"):
            places[key] = content.decode()
    secrets = (CANARY_TOKEN, world.account.write_token, world.account.read_token, *CANARY_SENTENCES)
    for place, text in places.items():
        found = [secret[:12] for secret in secrets if secret in text]
        verdict.require("no token and no clinical text is seen anywhere", not found, f"in {place}: {found}")


def _shows_the_input(event: Mapping[str, Any]) -> bool:
    """Return whether Step Functions itself repeats what the caller gave: before PrepareRun has looked at it."""
    text = event.get("stateEnteredEventDetails", {}).get("name") or event.get("stateExitedEventDetails", {}).get("name")
    return (
        (
            event["type"] in {"ExecutionStarted", "LambdaFunctionScheduled"}
            and "request" in json.dumps(event, default=str)
        )
        or text in {"Receive", "PrepareRun"}
        or event["type"] == "ExecutionStarted"
    )


def _told(world: World, schedule: Schedule, verdict: Verdict) -> None:
    for execution in _executions(world, schedule):
        if execution.exec_status.value != "FAILED":
            continue
        error, cause = execution.error or "", execution.cause or ""
        # nothing of ours was asked when Step Functions ended it, or when not even the record could be written
        is_past_us = any(getattr(fault, "kind", "") == "runtime error" for fault in schedule.faults)
        is_named = error in leaves() or is_past_us or _is_unrecorded(world, execution)
        verdict.require("every error has a name", is_named, f"{error}: {cause[:200]}")
        if error in leaves():
            remedy = leaves()[error].remedy
            says = bool(remedy) and (remedy in cause or UNRECORDED in cause)
            verdict.require("every error says what to do", says, f"{error}: {cause[:300]}")


def _noticed(world: World, schedule: Schedule, verdict: Verdict) -> None:
    """Check that the people were told of every run that did not succeed, where nothing stood in the reaper's way."""
    hindered = any(
        getattr(fault, "function", "") == "ReapRun" or getattr(fault, "kind", "") == "event lost"
        for fault in schedule.faults
    )
    if hindered or not schedule.layers.reaper:
        return
    for execution in _executions(world, schedule):
        if execution.exec_status.value in {"ABORTED", "TIMED_OUT", "FAILED"}:
            is_told = any(execution.name in notice for notice in world.notices)
            verdict.require("a run that did not succeed is told of", is_told, execution.name)


def _is_unrecorded(world: World, execution: Any) -> bool:
    return "RunFailedUnrecorded" in world.states_entered(execution)


def _true_success(world: World, schedule: Schedule, verdict: Verdict) -> None:
    objects = world.objects()
    for plan, execution in zip(schedule.runs, _executions(world, schedule), strict=False):
        keys = RunKeys(world.execution_name(plan.name))
        if execution.exec_status.value != "SUCCEEDED":
            continue
        record = objects.get(keys.record)
        status = RunRecord.model_validate_json(record).status if record else "missing"
        verdict.require("success means archived", keys.archive_manifest in objects, execution.name)
        verdict.require("success is recorded", status == "succeeded", f"{execution.name}: record {status}")
        lease = LeaseTable(LEASE_TABLE).read()
        verdict.require("success gives the lease back", not lease.is_held_by(keys.run_id), execution.name)
