"""What a list tells of each run, and which of them are wanted in which order. Pure: it must not import boto3."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from itertools import islice

from slm_core.records import RunRecord
from slm_core.training_config import Frozen


class RunState(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    ABORTED = "aborted"
    TIMED_OUT = "timed_out"
    UNFINISHED = "unfinished"
    """A rehearsal whose process ended before the run did."""


class SortKey(StrEnum):
    """What a list is sorted by, the largest first."""

    STARTED = "started"
    SCORE = "score"
    COST = "cost"
    TIME = "time"


class RunRow(Frozen):
    """One run in a list; what is not known of it is None."""

    run_id: str
    status: RunState
    started_at: datetime | None = None
    seconds: float | None = None
    macro_f1: float | None = None
    cost_usd: float | None = None
    error: str | None = None


class RunsWanted(Frozen):
    """Which runs a list shows; a bound that is None binds nothing."""

    states: tuple[RunState, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    sort: SortKey = SortKey.STARTED
    last: int | None = None

    def choose(self, rows: Iterable[RunRow]) -> list[RunRow]:
        """Return the wanted ones of rows that come newest first; as long as that order stays, no more are read."""
        wanted = (row for row in rows if self._is_wanted(row))
        if self.sort is SortKey.STARTED:
            return list(islice(wanted, self.last))
        return sorted(wanted, key=self._rank)[: self.last]

    def _is_wanted(self, row: RunRow) -> bool:
        if self.states and row.status not in self.states:
            return False
        if self.since is None and self.until is None:
            return True
        when = row.started_at
        return when is not None and (self.since or when) <= when <= (self.until or when)

    def _rank(self, row: RunRow) -> tuple[bool, float]:
        value = {SortKey.SCORE: row.macro_f1, SortKey.COST: row.cost_usd, SortKey.TIME: row.seconds}[self.sort]
        return value is None, -(value or 0.0)


def row_of_record(record: RunRecord, state: RunState | None = None) -> RunRow:
    """Return the row of a run that wrote its record; Step Functions knows some endings better than the record."""
    return RunRow(
        run_id=record.run_id,
        status=state or RunState(record.status),
        started_at=record.started_at,
        seconds=(record.finished_at - record.started_at).total_seconds(),
        macro_f1=record.metrics.after.macro_f1 if record.metrics else None,
        cost_usd=record.cost_usd,
        error=record.failure.error if record.failure else None,
    )
