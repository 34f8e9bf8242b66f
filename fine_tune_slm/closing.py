"""What is said and written when a run has ended: the summary or the failure card, the report, the JSON for machines."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from slm_core.records import RunRecord

from fine_tune_slm import summary
from fine_tune_slm.failure_card import FailureCard, failure_card
from fine_tune_slm.kept_runs import KeptRun, verify_archive
from fine_tune_slm.report import ReportFacts, read_losses, write_report
from fine_tune_slm.timeline import Timeline

SUCCEEDED = "SUCCEEDED"


@dataclass(frozen=True)
class RunResult:
    """How a run ended, and what is kept of it."""

    run: KeptRun
    record: RunRecord | None
    timeline: Timeline
    archive: Path | None
    card: FailureCard | None

    @property
    def succeeded(self) -> bool:
        """Return whether the run did all that it was asked."""
        return self.card is None

    def places(self) -> list[tuple[str, str]]:
        """Return where everything lies, as (name, place), only what exists."""
        record = self.record
        hub = f"{record.hub_repo} at {record.hub_revision}" if record and record.hub_repo else None
        logs = self.run.directory / "logs"
        adapter = self.archive / "adapter_model.safetensors" if self.archive else None
        instance = f"{record.instance.instance_id}, {record.instance.state}" if record and record.instance else None
        found = [
            ("instance", instance),
            ("adapter", adapter),
            ("archive", self.archive),
            ("Hub repository", hub),
            ("on disk", self.run.directory / "hub" / record.hub_repo if record and record.hub_repo else None),
            ("logs", logs if logs.is_dir() else None),
            ("report", self.run.report if self.run.report.is_file() else None),
            ("try it", f"fine-tune-slm extract --run {self.run.shortest_name} NOTE.txt" if self.archive else None),
        ]
        return [(name, str(place)) for name, place in found if place is not None]

    def as_json(self) -> dict[str, Any]:
        """Return the result for machines."""
        return {
            "run_id": self.run.run_id,
            "status": self.timeline.status,
            "seconds": self.timeline.seconds,
            "states": [
                {"state": total.name, "visits": total.visits, "attempts": total.attempts, "seconds": total.seconds}
                for total in self.timeline.totals()
            ],
            "record": self.record.model_dump(mode="json") if self.record else None,
            "failure": self.card.model_dump(mode="json") if self.card else None,
            "places": dict(self.places()),
        }


def run_result(run: KeptRun, record: RunRecord | None, timeline: Timeline) -> RunResult:
    """Return the result of a run that has ended."""
    card = None if timeline.status == SUCCEEDED else failure_card(run.run_id, record, timeline)
    return RunResult(run, record, timeline, run.archive(), card)


def write_run_report(result: RunResult) -> None:
    """Write the run's report.html.

    Raises: ArchiveDamagedError when the archive does not match its manifest.
    """
    facts = ReportFacts(
        run_id=result.run.run_id,
        timeline=result.timeline,
        record=result.record,
        manifest=verify_archive(result.archive) if result.archive else None,
        card=result.card,
        losses=read_losses(result.archive),
    )
    write_report(facts, result.run.report)


def show_result(result: RunResult, console: Console | None = None, *, as_json: bool = False) -> None:
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
