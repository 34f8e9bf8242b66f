"""Plays one schedule in one world and returns what was found."""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.faults.fault import RunPlan, Schedule
from tests.faults.injection import Injection
from tests.faults.invariants import GUARD, Verdict, Watch, judge
from tests.faults.outcomes import judge_outcomes
from tests.faults.repeat import play_again
from tests.faults.world.functions import ServiceFailedError
from tests.faults.world.guard import Guard
from tests.faults.world.host import JobPlan
from tests.faults.world.release import publish_earlier
from tests.faults.world.world import Account, World

WORLD_HOLDS = "nothing breaks the world itself"
SWEEP_SECONDS = 600
GUARD_SECONDS = 60
EVENT_SECONDS = 5
AFTERMATH_SECONDS = 75 * 60
LONGEST_SECONDS = 56 * 3600


@dataclass
class Finding:
    """What one schedule showed."""

    schedule: Schedule
    violations: list[str]
    checked: Counter[str]
    injected: Counter[str]
    minutes_to_stop: float | None
    stopped_by: str | None = None
    statuses: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str | None] = field(default_factory=dict)
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    events: int = 0
    hub_requests: int = 0


def play(schedule: Schedule, account: Account) -> Finding:
    """Return what a schedule shows; the same schedule shows the same."""
    random.seed(schedule.seed)
    world, verdict = World(account), Verdict()
    injection = Injection(schedule, world)
    calls: Counter[tuple[str, str]] = Counter()
    with world.open(), injection.installed(), TemporaryDirectory(prefix="fine-tune-slm-volume-") as volume:
        watch = _watched(world, verdict, calls)
        _layers(schedule, world, injection, watch, Path(volume))
        if schedule.earlier_f1 is not None:
            publish_earlier(world, schedule.earlier_f1)
        for plan in schedule.runs:
            _start(world, plan)
        names = {world.execution_name(plan.name) for plan in schedule.runs}
        world.timeline.run(lambda: names <= set(world.statuses), LONGEST_SECONDS)
        last_fault = max([0.0, *(getattr(fault, "minute", 0.0) * 60 for fault in schedule.faults)])
        world.timeline.run(lambda: False, max(world.timeline.seconds(), last_fault) + AFTERMATH_SECONDS)
        verdict.require(WORLD_HOLDS, not world.timeline.failures, repr(world.timeline.failures[:1]))
        judge(world, schedule, verdict)
        judge_outcomes(world, schedule, verdict)
        finding = _finding(world, schedule, verdict, injection)
        finding.calls, finding.stopped_by = calls.copy(), watch.stopped_by
        if schedule.repeats:
            play_again(world, schedule.runs[0], verdict)
        return finding


def _start(world: World, plan: RunPlan) -> None:
    name, given = world.execution_name(plan.name), plan.execution_input
    resumes = world.execution_name(plan.resumes) if plan.resumes else None
    if resumes:
        given = json.dumps(json.loads(given) | {"resume_from": resumes})
    world.host.plans[name] = JobPlan(steps=plan.steps, seconds_per_step=plan.seconds_per_step, resumes=resumes)
    world.scores[name] = plan.f1
    world.start(plan.name, given, plan.after_minutes * 60)


def _finding(world: World, schedule: Schedule, verdict: Verdict, injection: Injection) -> Finding:
    executions = {plan.name: world.execution(plan.name) for plan in schedule.runs}
    return Finding(
        schedule=schedule,
        violations=verdict.violations,
        checked=verdict.checked,
        injected=injection.injected,
        minutes_to_stop=verdict.minutes_to_stop,
        statuses={name: run.exec_status.value for name, run in executions.items()},
        errors={name: run.error for name, run in executions.items()},
        events=len(world.history(executions[schedule.runs[0].name])),
        hub_requests=injection.hub_requests,
    )


def _watched(world: World, verdict: Verdict, calls: Counter[tuple[str, str]]) -> Watch:
    """Return the watch, which looks at each call after the faults had their say."""
    watch, inject = Watch(world, verdict), world.hooks.before_call

    def before_call(invocation: Any, name: str, request: Any) -> None:
        calls[(invocation.function, name)] += 1
        inject(invocation, name, request)
        watch.before_call(invocation, name, request)

    world.hooks.before_call = before_call
    return watch


def _layers(schedule: Schedule, world: World, injection: Injection, watch: Watch, volume: Path) -> None:
    if schedule.layers.reaper:
        world.hooks.on_status = lambda execution, status: _tell_reaper(world, injection, execution, status)
    if schedule.layers.sweeper:
        event = {"source": "aws.scheduler", "detail-type": "Scheduled Event"}
        world.timeline.every(SWEEP_SECONDS, lambda: _invoke(world, "SweepInstances", event, 0))
    if schedule.has_sweeper:
        world.timeline.every(GUARD_SECONDS, watch.lease_is_not_outlived)
    if schedule.layers.guard:
        guard = Guard(world, volume, lambda: _power_off(world, watch))
        world.timeline.every(GUARD_SECONDS, guard.look)


def _power_off(world: World, watch: Watch) -> None:
    watch.healthy_run_is_spared(GUARD)
    watch.stopped_by = "guard"
    world.host.power_off()


def _tell_reaper(world: World, injection: Injection, execution: Any, status: str) -> None:
    if status not in {"ABORTED", "TIMED_OUT", "FAILED"}:
        return
    started_at_ms = int(execution.start_date.timestamp() * 1000)
    detail = {
        "executionArn": execution.exec_arn,
        "status": status,
        "name": execution.name,
        "startDate": started_at_ms,
    }
    event = {"source": "aws.states", "detail-type": "Step Functions Execution Status Change", "detail": detail}
    world.events.append(json.dumps(event))
    for delay_seconds in injection.event_delays_seconds():
        _invoke(world, "ReapRun", event, EVENT_SECONDS + delay_seconds)


def _invoke(world: World, name: str, event: dict[str, Any], after_seconds: float, attempt: int = 1) -> None:
    """Invoke a function as an event does: a failure is tried twice more, a minute and two later."""

    def run() -> None:
        try:
            _, is_error = world.functions.call(name, event)
        except ServiceFailedError:
            is_error = True
        if is_error and attempt < 3:
            _invoke(world, name, event, 60.0 * attempt, attempt + 1)

    world.timeline.spawn(name, run, after_seconds)
