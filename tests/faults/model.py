"""A bounded model of lease, instance and executions: every order of what may happen, walked through to the end.

Two executions, A and B, want the one instance. The campaign plays real code along some orders; this walks along all of
them, on a state small enough to hash. What decides is the product's own: decisions.why_sweep and decisions.is_abandoned
are called with leases and views made for the purpose; the writes' condition (run and fence) is mirrored in `_holds`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TypeVar

from slm_core import decisions
from slm_core.instance import InstanceView
from slm_core.lease import TERM, Lease

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
NAMES = ("A", "B")
T = TypeVar("T")
SWEEPS_TO_STOP = 2
# an execution is at one of these; what it does next depends on it
WAITING, PREPARED, STARTED, TRAINING, STOPPING, DONE, ABORTED = (
    "waiting", "prepared", "started", "training", "stopping", "done", "aborted",
)  # fmt: skip
_ENDED = {DONE, ABORTED}
_HEALTHY = {PREPARED, STARTED, TRAINING}


@dataclass(frozen=True)
class State:
    """Everything that the next step may depend on."""

    runs: tuple[str, str] = (WAITING, WAITING)
    fences: tuple[int, int] = (0, 0)
    events: tuple[bool, bool] = (False, False)
    # a StartInstance goes on when its execution is ended: "checks" before its write to the lease, "starts" after it
    late: tuple[str, str] = ("", "")
    owner: int | None = None
    fence: int = 0
    is_start_requested: bool = False
    is_launched: bool = False
    is_taken_over: bool = False
    instance: str = "stopped"
    by_hand: int = 1


class BrokenError(AssertionError):
    """An invariant of the model does not hold; the message tells the way to the state."""


@dataclass(frozen=True)
class Rules:
    """What the product decides; a mutant of the model replaces one."""

    may_take: Callable[[State, int], bool]
    holds: Callable[[State, int], bool]
    must_sweep: Callable[[State], bool]
    may_reap: Callable[[State, int], bool]


def _may_take(state: State, run: int) -> bool:
    return state.owner is None or state.runs[state.owner] in _ENDED or state.owner == run


def _holds(state: State, run: int) -> bool:
    return state.owner == run and state.fence == state.fences[run]


def _must_sweep(state: State) -> bool:
    owner_runs = state.owner is not None and state.runs[state.owner] not in _ENDED
    return _why_sweep(state.fence, state.owner, owner_runs)


@cache
def _why_sweep(fence: int, owner: int | None, owner_runs: bool) -> bool:
    lease = Lease(fence=fence)
    if owner is not None:
        taken_at = NOW - timedelta(hours=1)
        lease = Lease(
            fence=fence, owner_arn=NAMES[owner], run_id=NAMES[owner], instance_id="i", acquired_at=taken_at,
            heartbeat_at=NOW, lease_until=NOW + TERM, deadline_at=NOW + timedelta(hours=1),
        )  # fmt: skip
    launched_at = NOW - timedelta(hours=2)
    view = InstanceView(instance_id="i", instance_type="t", state="running", state_reason=None, launched_at=launched_at)
    return decisions.why_sweep(view, lease, NOW, owner_runs=owner_runs) is not None


PRODUCT = Rules(may_take=_may_take, holds=_holds, must_sweep=_must_sweep, may_reap=_holds)


def _with(state: State, run: int, at: str, **changes: object) -> State:
    return replace(state, runs=_put(state.runs, run, at), **changes)  # type: ignore[arg-type]


def _put(values: tuple[T, T], run: int, value: T) -> tuple[T, T]:
    return (value, values[1]) if run == 0 else (values[0], value)


def _released(state: State) -> State:
    return replace(state, owner=None, is_start_requested=False)


def _steps_of(state: State, run: int, rules: Rules) -> Iterator[tuple[str, State]]:
    """Yield what an execution may do next, or what may be done to it."""
    name, at = NAMES[run], state.runs[run]
    holds = rules.holds(state, run)
    if at == WAITING and rules.may_take(state, run):
        fence = state.fence + 1
        taken = replace(
            state, owner=run, fence=fence, fences=_put(state.fences, run, fence), is_start_requested=False,
            is_launched=False, is_taken_over=state.owner is not None,
        )  # fmt: skip
        yield f"{name} takes the lease", _with(taken, run, PREPARED)
    if at in _HEALTHY and not holds:
        yield f"{name} finds its lease lost", _with(state, run, DONE)
    if at == PREPARED and holds:
        yield from _starting(state, run)
    if at == STARTED and state.instance == "running" and holds:
        yield f"{name} notes the launch", _with(state, run, TRAINING, is_launched=True)
    if at in _HEALTHY and holds:
        yield f"{name} is over or fails", _with(state, run, STOPPING)
    if at == STOPPING:
        yield from _stopping(state, run, rules)
    if at not in {*_ENDED, WAITING}:
        is_late = at == PREPARED and holds and state.instance == "stopped"
        late = _put(state.late, run, ("starts" if state.is_start_requested else "checks") if is_late else "")
        yield f"{name} is aborted", _with(state, run, ABORTED, events=_put(state.events, run, value=True), late=late)


def _starting(state: State, run: int) -> Iterator[tuple[str, State]]:
    name = NAMES[run]
    if state.instance == "stopped" and not state.is_start_requested:
        yield f"{name} notes that it starts", replace(state, is_start_requested=True)
    elif state.instance == "stopped":
        yield f"{name} starts the instance", _with(state, run, STARTED, instance="running")
    elif state.instance == "running" and not state.is_start_requested:
        yield f"{name} stops what it did not start", replace(state, instance="stopping")


def _stopping(state: State, run: int, rules: Rules) -> Iterator[tuple[str, State]]:
    """Mirror stopping.stop_instance: the lease must name the run, and the run must have touched the instance."""
    name = NAMES[run]
    was_touched = state.is_launched or state.is_start_requested or state.is_taken_over
    if not rules.holds(state, run):
        yield f"{name} ends without the lease", _with(state, run, DONE)
    elif was_touched and state.instance == "running":
        yield f"{name} asks for the stop", replace(state, instance="stopping")
    elif not was_touched or state.instance == "stopped":
        yield f"{name} gives the lease back", _with(_released(state), run, DONE)


def _around(state: State, rules: Rules) -> Iterator[tuple[str, State]]:
    """Yield what happens around the executions: late events, late functions, EC2, people, the guard."""
    for run, name in enumerate(NAMES):
        if state.events[run]:
            yield from _reaped(state, run, rules)
        if state.late[run] == "checks":
            noted = replace(state, is_start_requested=True, late=_put(state.late, run, "starts"))
            gone = replace(state, late=_put(state.late, run, ""))
            yield f"{name} notes late that it starts", noted if rules.holds(state, run) else gone
        if state.late[run] == "starts":
            instance = "running" if state.instance == "stopped" else state.instance
            yield f"{name}'s late start arrives", replace(state, instance=instance, late=_put(state.late, run, ""))
    if state.instance == "stopping":
        yield "the instance has stopped", replace(state, instance="stopped")
    if state.by_hand and state.instance in {"running", "stopped"}:
        there = "stopping" if state.instance == "running" else "running"
        yield "a person starts or stops the instance", replace(state, instance=there, by_hand=state.by_hand - 1)
    owner_trains = state.owner is not None and state.runs[state.owner] in _HEALTHY
    if state.instance == "running" and not owner_trains:
        yield "the guard hears nothing", replace(state, instance="stopping")


def _reaped(state: State, run: int, rules: Rules) -> Iterator[tuple[str, State]]:
    heard = replace(state, events=_put(state.events, run, value=False))
    if not rules.may_reap(state, run):
        yield f"the reaper leaves {NAMES[run]}'s event", heard
    elif state.instance == "running":
        yield f"the reaper stops for {NAMES[run]}", replace(state, instance="stopping")
    elif state.instance == "stopped":
        yield f"the reaper returns {NAMES[run]}'s lease", _released(heard) if _holds(state, run) else heard
    yield f"{NAMES[run]}'s event is lost", heard


def swept(state: State, rules: Rules) -> State:
    """Return the state after one look of the sweeper."""
    if state.instance == "running" and rules.must_sweep(state):
        return replace(state, instance="stopping")
    is_dead = state.owner is not None and state.runs[state.owner] in _ENDED
    return _released(state) if state.instance == "stopped" and is_dead else state


def steps(state: State, rules: Rules) -> Iterator[tuple[str, State]]:
    """Yield every step that may come next, with its name."""
    for run in range(len(NAMES)):
        yield from _steps_of(state, run, rules)
    yield from _around(state, rules)
    after = swept(state, rules)
    if after != state:
        yield "the sweeper looks", after


def explore(rules: Rules = PRODUCT) -> int:
    """Return how many states can be reached, after looking at each.

    Raises: BrokenError.
    """
    came_from: dict[State, tuple[State, str] | None] = {State(): None}
    waiting = deque([State()])
    while waiting:
        state = waiting.popleft()
        for name, after in steps(state, rules):
            problem = _problem(state, name, after)
            if after not in came_from:
                came_from[after] = (state, name)
                waiting.append(after)
                problem = problem or _stays_up(after, rules)
            if problem:
                raise BrokenError(f"{problem}: {' > '.join([*way_to(state, came_from), name])}")
    return len(came_from)


def _problem(before: State, name: str, after: State) -> str | None:
    owner = before.owner
    is_healthy = owner is not None and before.runs[owner] in {STARTED, TRAINING}
    is_stop = before.instance == "running" and after.instance == "stopping"
    actor = next((run for run, own in enumerate(NAMES) if name.startswith(f"{own} ")), None)
    is_acting = (before.instance, before.is_start_requested) != (after.instance, after.is_start_requested)
    if actor is not None and name.endswith(" takes the lease"):
        is_stolen = owner not in {None, actor} and before.runs[owner or 0] not in _ENDED
        return "the lease of a run that runs was taken" if is_stolen else None
    if actor is not None and is_acting and not _holds(before, actor):
        return "two fences act on the instance"
    if is_stop and is_healthy and name.startswith(("the reaper", "the sweeper", "the guard")):
        return "a healthy leased run was stopped"
    return None


def _stays_up(state: State, rules: Rules) -> str | None:
    """Return a problem when no execution runs and fair sweeps alone do not bring the instance down."""
    if not all(at in {*_ENDED, WAITING} for at in state.runs):
        return None
    for _ in range(SWEEPS_TO_STOP):
        state = swept(state, rules)
        # between two looks EC2 comes to the end of what it was asked
        state = replace(state, instance="stopped") if state.instance == "stopping" else state
    return None if state.instance == "stopped" and state.owner is None else "the instance stays up or held"


def way_to(state: State, came_from: Mapping[State, tuple[State, str] | None]) -> list[str]:
    """Return the names of the steps that lead to a state."""
    names: list[str] = []
    while found := came_from[state]:
        state, name = found
        names.append(name)
    return names[::-1]
