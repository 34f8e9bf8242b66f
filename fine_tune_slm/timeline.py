"""The states of an execution as a timeline, built from Step Functions' history events.

The live view, the final table, the failure card and the report all read this one model. Pure: it must not import boto3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

RUNNING = "RUNNING"
ENDINGS = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionAborted": "ABORTED",
    "ExecutionTimedOut": "TIMED_OUT",
}
ENDED_FROM_OUTSIDE = {"ABORTED", "TIMED_OUT"}
ATTEMPT_EVENTS = {"TaskScheduled", "LambdaFunctionScheduled", "ActivityScheduled"}
LOOP_LENGTH = 3
"""A poll loop is Wait, Task, Choice: a state that was entered at most so many entries ago is a repeat."""


@dataclass
class StateVisit:
    """One stay in one state."""

    name: str
    kind: str
    entered_at: datetime
    left_at: datetime | None = None
    attempts: int = 0
    error: str | None = None
    """Name of the newest error of an attempt, whether it was retried, caught or neither."""

    @property
    def seconds(self) -> float | None:
        """Return the length of the stay; None while it lasts."""
        return None if self.left_at is None else (self.left_at - self.entered_at).total_seconds()


@dataclass(frozen=True)
class StateTotal:
    """All stays in one state together."""

    name: str
    visits: int
    attempts: int
    seconds: float
    first_entered_at: datetime
    error: str | None


@dataclass
class Timeline:
    """Every stay in every state, in order, and how the execution ended."""

    visits: list[StateVisit] = field(default_factory=list)
    status: str = RUNNING
    error: str | None = None
    cause: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    last_event_id: int = 0
    execution_input: str = "{}"

    def ingest(self, events: Iterable[Mapping[str, Any]]) -> list[StateVisit]:
        """Take in the events that are new, in any overlap, and return the visits that they began or ended."""
        changed: list[StateVisit] = []
        for event in events:
            if event["id"] > self.last_event_id:
                self.last_event_id = event["id"]
                started = event.get("executionStartedEventDetails", {})
                self.execution_input = started.get("input", self.execution_input)
                touched = self._apply(event)
                changed += [visit for visit in touched if not any(visit is known for known in changed)]
        return changed

    def conclude(self, description: Mapping[str, Any]) -> list[StateVisit]:
        """Take the ending from DescribeExecution where the history does not tell it, and return the visit it ended."""
        if self.has_ended:
            return []
        self.status, self.ended_at = description["status"], description.get("stopDate")
        self.error, self.cause = description.get("error"), description.get("cause")
        return self._leave(self.ended_at) if self.ended_at else []

    @property
    def has_ended(self) -> bool:
        """Return whether the execution is over."""
        return self.status != RUNNING

    @property
    def current(self) -> StateVisit | None:
        """Return the visit that still lasts."""
        last = self.visits[-1] if self.visits else None
        return last if last is not None and last.left_at is None else None

    @property
    def failed_visit(self) -> StateVisit | None:
        """Return the first visit that ended in an error which no retry healed: where the run went wrong."""
        return next((visit for visit in self.visits if visit.error is not None), None)

    @property
    def seconds(self) -> float | None:
        """Return how long the execution took; None while it lasts."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()

    def is_poll_repeat(self, visit: StateVisit) -> bool:
        """Return whether a visit is one more turn of a poll loop, not worth a line of its own."""
        index = next(i for i, known in enumerate(self.visits) if known is visit)
        earlier = self.visits[max(0, index - LOOP_LENGTH) : index]
        return any(known.name == visit.name for known in earlier)

    def totals(self) -> list[StateTotal]:
        """Return one row for each state, in the order of first entry."""
        by_name: dict[str, list[StateVisit]] = {}
        for visit in self.visits:
            by_name.setdefault(visit.name, []).append(visit)
        return [_total(name, visits) for name, visits in by_name.items()]

    def _apply(self, event: Mapping[str, Any]) -> list[StateVisit]:
        kind, when = event["type"], event["timestamp"]
        if kind.endswith("StateEntered"):
            return self._enter(event)
        if kind.endswith("StateExited"):
            return self._leave(when)
        if kind == "ExecutionStarted":
            self.started_at = when
        elif kind in ENDINGS:
            return self._end(event)
        else:
            self._note_attempt(kind, event)
        return []

    def _enter(self, event: Mapping[str, Any]) -> list[StateVisit]:
        # a caught failure may have no StateExited event of its own: the next entry ends the stay
        left = self._leave(event["timestamp"])
        name = event["stateEnteredEventDetails"]["name"]
        visit = StateVisit(name, event["type"].removesuffix("StateEntered"), event["timestamp"])
        self.visits.append(visit)
        return [*left, visit]

    def _leave(self, when: datetime) -> list[StateVisit]:
        visit = self.current
        if visit is None:
            return []
        visit.left_at = when
        return [visit]

    def _end(self, event: Mapping[str, Any]) -> list[StateVisit]:
        self.status, self.ended_at = ENDINGS[event["type"]], event["timestamp"]
        details = _details(event)
        self.error, self.cause = details.get("error"), details.get("cause")
        return self._leave(event["timestamp"])

    def _note_attempt(self, kind: str, event: Mapping[str, Any]) -> None:
        visit = self.current
        if visit is None:
            return
        if kind in ATTEMPT_EVENTS:
            visit.attempts += 1
        elif kind.endswith(("Failed", "TimedOut")):
            visit.error = _details(event).get("error") or "States.Timeout"
        elif kind.endswith("Succeeded"):
            visit.error = None


def _details(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the part of an event that holds error and cause; its key repeats the event's type."""
    kind = event["type"]
    details: Mapping[str, Any] = event.get(f"{kind[0].lower()}{kind[1:]}EventDetails", {})
    return details


def _total(name: str, visits: list[StateVisit]) -> StateTotal:
    return StateTotal(
        name=name,
        visits=len(visits),
        attempts=sum(visit.attempts for visit in visits),
        seconds=sum(visit.seconds or 0.0 for visit in visits),
        first_entered_at=visits[0].entered_at,
        error=next((visit.error for visit in reversed(visits) if visit.error), None),
    )
