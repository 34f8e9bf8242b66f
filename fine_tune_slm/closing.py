"""What is said and written when a run has ended: the summary or the failure card, the report, the JSON for machines."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from slm_core.records import RunRecord

from fine_tune_slm import summary
from fine_tune_slm.desk.place import FoundRun, Whereabouts
from fine_tune_slm.desk.resuming import can_be_resumed
from fine_tune_slm.desk.rows import RunState
from fine_tune_slm.errors import RunCutOffError, RunUnfinishedError
from fine_tune_slm.failure_card import FailureCard, failure_card
from fine_tune_slm.kept_runs import KeptRun, KeptRuns
from fine_tune_slm.report.facts import gather
from fine_tune_slm.report.page import write_report
from fine_tune_slm.timeline import Timeline

SUCCEEDED = "SUCCEEDED"


@dataclass(frozen=True)
class RunEnding:
    """How a run ended, wherever it is."""

    run: FoundRun
    record: RunRecord | None
    timeline: Timeline
    card: FailureCard | None

    @property
    def succeeded(self) -> bool:
        """Return whether the run did all that it was asked."""
        return self.card is None

    @property
    def state(self) -> RunState:
        """Return how the run ended, as a list of runs says it: only the record knows that a model was rejected."""
        ended = RunState(self.timeline.status.lower())
        return RunState(self.record.status) if self.record and ended is RunState.FAILED else ended

    def places(self) -> list[tuple[str, str]]:
        """Return where everything lies, as (name, place), only what exists."""
        return self.run.places(self.record)

    def as_json(self) -> dict[str, Any]:
        """Return the result for machines."""
        return {
            "run_id": self.run.run_id,
            "status": self.state,
            "seconds": self.timeline.seconds,
            "states": summary.states_as_json(self.timeline),
            "record": self.record.model_dump(mode="json") if self.record else None,
            "failure": self.card.model_dump(mode="json") if self.card else None,
            "places": dict(self.places()),
        }


@dataclass(frozen=True)
class RunResult(RunEnding):
    """How a run ended that lies on this machine, and what lies there of it."""

    run: KeptRun
    archive: Path | None
    where: Whereabouts


def run_result(
    run: KeptRun, record: RunRecord | None, timeline: Timeline, where: Whereabouts | None = None
) -> RunResult:
    """Return the result of a rehearsal that has ended, or of a fetched run of the stack that `where` names."""
    where = where or Whereabouts(root=KeptRuns.of(run).root)
    card = None if timeline.status == SUCCEEDED else failure_card(run.run_id, record, timeline, where)
    return RunResult(run, record, timeline, card, run.archive(), where)


def ended_run(run: KeptRun, where: Whereabouts | None = None) -> RunResult:
    """Return the result of a kept run, or of a fetched one of the stack that `where` names.

    Raises: RunUnfinishedError, RunCutOffError.
    """
    timeline = run.read_timeline()
    if not timeline.has_ended:
        if can_be_resumed(run):
            raise RunCutOffError(f"Run {run.run_id} was cut off before its end, and has left a checkpoint")
        raise RunUnfinishedError(f"Run {run.run_id} has not ended, or was cut off before its first checkpoint")
    return run_result(run, run.read_record(), timeline, where)


def write_run_report(result: RunResult, path: Path | None = None) -> Path:
    """Write the run's report and return where it lies: among what is kept of the run, unless a path is named.

    Raises: ArchiveDamagedError when the archive does not match its manifest.
    """
    target = path or result.run.report
    facts = gather(result.run, result.record, result.timeline, result.card)
    write_report(replace(facts, stack=result.where if result.where.stage_meant else None), target)
    return target


def show_result(result: RunEnding, console: Console | None = None, *, as_json: bool = False) -> None:
    """Print the summary of a run, and the failure card of one that failed; for machines, one JSON document."""
    if as_json:
        print(json.dumps(result.as_json(), indent=1))
        return
    console = console or Console(highlight=False)
    parts: list[Any] = [summary.states_table(result.timeline)]
    if result.record and result.record.metrics:
        parts.append(summary.metrics_table(result.record.metrics))
    if result.card:
        parts.append(summary.failure_text(result.card))
    parts.append(summary.status_line(result.timeline.status, result.timeline.seconds))
    parts.append(summary.places_text(result.places()))
    summary.show(console, *parts)
