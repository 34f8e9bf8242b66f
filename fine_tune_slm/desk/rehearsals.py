"""The rehearsals of this machine: what is kept of those that ended, and the emulated AWS of those that still run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from slm_core.training_config import Frozen

from fine_tune_slm.desk.rows import RunRow, RunState, row_of_record
from fine_tune_slm.desk.stack import StackRun, runs_of_stack
from fine_tune_slm.errors import StackMissingError
from fine_tune_slm.kept_runs import KeptRun, KeptRuns

NOTE_NAME = "rehearsal.json"
ANSWER_SECONDS = 2.0


class RehearsalNote(Frozen):
    """rehearsal.json: how other commands reach a rehearsal while it runs, and what it was asked."""

    endpoint_url: str
    region: str
    stack: str
    execution_input: str

    def write(self, run: KeptRun) -> None:
        """Write it beside what is kept of the run."""
        (run.directory / NOTE_NAME).write_text(self.model_dump_json(), encoding="utf-8")


def read_note(run: KeptRun) -> RehearsalNote | None:
    """Return the note of a rehearsal; None when its execution was never started."""
    try:
        return RehearsalNote.model_validate_json((run.directory / NOTE_NAME).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


@dataclass(frozen=True)
class EmulatedAccount:
    """The emulated AWS of a rehearsal in another process."""

    endpoint_url: str
    region: str

    def client(self, service: str) -> Any:
        """Return a client that gives up soon: whoever listens is on this machine."""
        import boto3  # noqa: PLC0415 - 0.2 s that --help must not pay
        from botocore.config import Config  # noqa: PLC0415

        patience = Config(connect_timeout=ANSWER_SECONDS, read_timeout=30, retries={"total_max_attempts": 1})
        keys: Any = {f"aws_{name}": "local" for name in ("access_key_id", "secret_access_key")}
        session: Any = boto3.session.Session(**keys, region_name=self.region)
        return session.client(service, endpoint_url=self.endpoint_url, config=patience)


@dataclass(frozen=True)
class Rehearsals:
    """The rehearsals below a root."""

    root: Path

    @property
    def kept(self) -> KeptRuns:
        """Return what is kept of them."""
        return KeptRuns(self.root)

    def rows(self) -> Iterator[RunRow]:
        """Yield a row for each rehearsal, the newest first."""
        for run in self.kept.all():
            yield _row(run)

    def find(self, name: str) -> KeptRun | StackRun:
        """Return a rehearsal; `latest` is the one that was started last.

        Raises: RunUnknownError.
        """
        run = self.kept.find(name)
        return running_rehearsal(run) or run

    def find_model(self, name: str) -> KeptRun | StackRun:
        """Return a rehearsal; `latest` is the newest one that has made a model.

        Raises: RunUnknownError.
        """
        run = self.kept.find_model(name)
        return running_rehearsal(run) or run

    def running(self) -> Iterator[str]:
        """Yield the ids of the rehearsals that go on."""
        for run in self.kept.all():
            if running_rehearsal(run) is not None:
                yield run.run_id


def running_rehearsal(run: KeptRun) -> StackRun | None:
    """Return the run in its emulated AWS while that still answers and knows it."""
    note = None if run.has_history() else read_note(run)
    if note is None:
        return None
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        account = EmulatedAccount(note.endpoint_url, note.region)
        found = runs_of_stack(note.stack, account, is_emulated=True).run(run.run_id)
        return found if found.description else None
    except (BotoCoreError, ClientError, StackMissingError):
        # nobody listens any more, or it is somebody else who got the port
        return None


def _row(run: KeptRun) -> RunRow:
    record = run.read_record()
    timeline = run.read_timeline()
    if record is not None:
        ended = RunState(timeline.status.lower()) if timeline.has_ended else RunState.FAILED
        return row_of_record(record, None if ended is RunState.FAILED else ended)
    if timeline.has_ended:
        status = RunState(timeline.status.lower())
        return RunRow(run_id=run.run_id, status=status, started_at=timeline.started_at, seconds=timeline.seconds)
    running = running_rehearsal(run)
    if running is None:
        return RunRow(run_id=run.run_id, status=RunState.UNFINISHED)
    return RunRow(run_id=run.run_id, status=RunState.RUNNING, started_at=running.execution.description()["startDate"])
