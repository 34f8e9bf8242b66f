"""Everything that a report tells, gathered from what is kept of a run."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slm_core import decisions
from slm_core.decisions import RequiredScore
from slm_core.layout import HISTORY_NAME
from slm_core.records import Manifest, Metrics, Release, RunRecord, RunSpec

from extraction.examples import Example
from fine_tune_slm.desk.place import Whereabouts
from fine_tune_slm.failure_card import FailureCard
from fine_tune_slm.kept_runs import KeptRun, verify_archive
from fine_tune_slm.report.charts import Point
from fine_tune_slm.report.mistakes import read_examples
from fine_tune_slm.report.previous import PreviousRelease, previous_release, published_before
from fine_tune_slm.timeline import Timeline


@dataclass(frozen=True)
class Curves:
    """What the training did at each step."""

    losses: tuple[Point, ...] = ()
    learning_rates: tuple[Point, ...] = ()


@dataclass(frozen=True)
class ReportFacts:
    """Everything that a report tells; what a run did not come to is None or empty."""

    run_id: str
    timeline: Timeline
    record: RunRecord | None = None
    spec: RunSpec | None = None
    manifest: Manifest | None = None
    card: FailureCard | None = None
    curves: Curves = Curves()
    examples: tuple[Example, ...] = ()
    published: Release | None = None
    """What main held when this run was judged, as the gate saw it."""
    previous: PreviousRelease | None = None
    stack: Whereabouts | None = None
    """The options that name the run's stack; None for a rehearsal."""

    @property
    def is_emulated(self) -> bool:
        """Return whether it was a rehearsal."""
        return self.stack is None

    @property
    def options(self) -> str:
        """Return what a command about a stack's run needs beside its id."""
        return self.stack.options if self.stack else ""

    @property
    def metrics(self) -> Metrics | None:
        """Return the run's scores, when it got that far."""
        return self.record.metrics if self.record else None

    @property
    def gate(self) -> tuple[RequiredScore, ...]:
        """Return every bound of the gate beside what was reached; empty when nothing was measured."""
        if self.metrics is None or self.spec is None:
            return ()
        return decisions.assess(self.metrics, self.spec.config.gate, self.published)


def gather(run: KeptRun, record: RunRecord | None, timeline: Timeline, card: FailureCard | None) -> ReportFacts:
    """Return the facts of a kept run.

    Raises: ArchiveDamagedError when the archive does not match its manifest.
    """
    archive, spec = run.archive(), run.read_spec()
    manifest = verify_archive(archive) if archive else None
    history = run.read_releases(spec.hub.publish_repo) if spec else None
    published = published_before(history, run.run_id) if history else None
    return ReportFacts(
        run_id=run.run_id,
        timeline=timeline,
        record=record,
        spec=spec,
        manifest=manifest,
        card=card,
        curves=read_curves(archive),
        # asked of run.json again: an archive says nothing about the notes that it was measured on
        examples=read_examples(archive) if spec and spec.dataset_is_synthetic else (),
        published=published,
        previous=previous_release(run, record, published) if record else None,
    )


def read_curves(archive: Path | None) -> Curves:
    """Return loss and learning rate by step out of an archive's history; none without an archive."""
    path = archive / HISTORY_NAME if archive else None
    if path is None or not path.is_file():
        return Curves()
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    return Curves(_column(rows, "loss"), _column(rows, "learning_rate"))


def _column(rows: list[dict[str, Any]], name: str) -> tuple[Point, ...]:
    return tuple(Point(row["step"], row[name]) for row in rows if "step" in row and row.get(name) is not None)
