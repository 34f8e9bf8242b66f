"""Where runs are: the rehearsals of this machine, or a stack in an account. Every verb asks here for its run."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from slm_core.records import Progress, RunRecord, RunSpec
from slm_core.training_config import Frozen

from extraction.outcomes import NoteOutcomes
from fine_tune_slm.desk.rows import RunRow
from fine_tune_slm.naming import DEFAULT_STAGE
from fine_tune_slm.timeline import Timeline

DEFAULT_ROOT = Path(".local")


class FoundRun(Protocol):
    """One run, wherever it is; what it has not written yet is None."""

    @property
    def run_id(self) -> str:
        """Return the run id."""
        ...

    def read_timeline(self) -> Timeline:
        """Return the states so far."""
        ...

    def read_record(self) -> RunRecord | None:
        """Return the record that an ended run wrote."""
        ...

    def read_spec(self) -> RunSpec | None:
        """Return run.json."""
        ...

    def why_no_spec(self) -> str | None:
        """Return why run.json cannot be read; None when it can."""
        ...

    def read_progress(self) -> Progress | None:
        """Return the newest progress report."""
        ...

    def read_outcomes(self) -> NoteOutcomes | None:
        """Return the counts of each validation note, out of the archive."""
        ...

    def places(self, record: RunRecord | None) -> list[tuple[str, str]]:
        """Return where everything of the run lies, as (name, place), only what exists."""
        ...


class Place(Protocol):
    """Where runs are."""

    def rows(self) -> Iterator[RunRow]:
        """Yield a row for each run, the newest first."""
        ...

    def find(self, name: str) -> FoundRun:
        """Return the run of that id; `latest` is the one that was started last.

        Raises: RunUnknownError, ExecutionUnknownError.
        """
        ...

    def find_model(self, name: str) -> FoundRun:
        """Return the run of that id; `latest` is the newest one that has made a model.

        Raises: RunUnknownError, ExecutionUnknownError.
        """
        ...

    def running(self) -> Iterator[str]:
        """Yield the ids of the runs that go on."""
        ...


class Whereabouts(Frozen):
    """The options by which the user says where a run is."""

    stage: str | None = None
    profile: str | None = None
    region: str | None = None
    endpoint_url: str | None = None
    root: Path = DEFAULT_ROOT

    @property
    def stage_meant(self) -> str | None:
        """Return the stage that is meant, which an option for AWS alone also says; None means this machine."""
        names_account = self.profile or self.region or self.endpoint_url
        return self.stage or (DEFAULT_STAGE if names_account else None)

    @property
    def options(self) -> str:
        """Return the options again, for a command that is told to the user."""
        stage = self.stage_meant
        given = {"--stage": stage, "--profile": self.profile, "--region": self.region}
        given |= {
            "--endpoint-url": self.endpoint_url,
            "--root": None if self.root == Path(".local") else str(self.root),
        }
        return "".join(f" {name} {shlex.quote(value)}" for name, value in given.items() if value)


def find_place(where: Whereabouts) -> Place:
    """Return the place that the options name.

    Raises: ArgumentInvalidError, StackMissingError and what AWS refuses.
    """
    from fine_tune_slm.desk.rehearsals import Rehearsals  # noqa: PLC0415 - the two places need not load each other
    from fine_tune_slm.desk.stack import runs_of_stage  # noqa: PLC0415

    if where.stage_meant is None:
        return Rehearsals(where.root)
    return runs_of_stage(where)


def next_commands(run_id: str, where: Whereabouts) -> str:
    """Return what can be done with a run that goes on."""
    return "\n".join(
        f"{what:<12}  fine-tune-slm {verb}{where.options}"
        for what, verb in (
            ("watch it", f"status {run_id} --watch"),
            ("its log", f"logs {run_id} --follow"),
            ("stop it", f"stop {run_id}"),
        )
    )
