"""What is kept of rehearsals on this machine: .local/runs/<run_id>/ and the pointer to the newest archive."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from slm_core.layout import MANIFEST_NAME, OUTCOMES_NAME, RUN_ID_PATTERN, RunKeys, release_key
from slm_core.records import Manifest, Progress, ReleaseHistory, RunRecord, RunSpec, sha256_of
from slm_core.training_config import problems

from extraction.outcomes import NoteOutcomes
from fine_tune_slm.errors import ArchiveDamagedError, RunUnknownError
from fine_tune_slm.timeline import Timeline

LATEST = "latest"
_START_IN_ID = re.compile(r"\d{8}-\d{6}(?=-[0-9a-f]{4}$)")
DocumentT = TypeVar("DocumentT", bound=BaseModel)


@dataclass(frozen=True)
class KeptRun:
    """The directory of one run."""

    directory: Path

    @property
    def run_id(self) -> str:
        """Return the run id, which names the directory."""
        return self.directory.name

    @property
    def shortest_name(self) -> str:
        """Return `latest` while that pointer names this run, otherwise the run id."""
        pointer = self.directory.with_name(LATEST)
        return LATEST if pointer.resolve() == self.directory.resolve() else self.run_id

    @property
    def report(self) -> Path:
        """Return where the run's report lies."""
        return self.directory / "report.html"

    def read_record(self) -> RunRecord | None:
        """Return the run's record; None when the run wrote none that can be read."""
        return self._document(RunKeys(self.run_id).record, RunRecord)

    def read_spec(self) -> RunSpec | None:
        """Return run.json; None when the run was refused before it, or it cannot be read."""
        return self._document(RunKeys(self.run_id).spec, RunSpec)

    def why_no_spec(self) -> str | None:
        """Return why run.json cannot be read; None when it can."""
        path = self._object(RunKeys(self.run_id).spec)
        return why_no_spec(path.read_bytes() if path else None)

    def read_releases(self, repo_id: str) -> ReleaseHistory | None:
        """Return the releases of a repository as this run left them."""
        return self._document(release_key(repo_id), ReleaseHistory)

    def read_progress(self) -> Progress | None:
        """Return the last progress report."""
        return self._document(RunKeys(self.run_id).progress, Progress)

    def read_outcomes(self) -> NoteOutcomes | None:
        """Return the counts of each validation note, out of the archive."""
        return self._document(f"{RunKeys(self.run_id).archive}{OUTCOMES_NAME}", NoteOutcomes)

    def has_history(self) -> bool:
        """Return whether the execution's history was kept, as it is when a rehearsal ends in order."""
        return self._history.is_file()

    def read_timeline(self) -> Timeline:
        """Return the timeline in the kept history; an empty one when none was kept."""
        timeline = Timeline()
        if self.has_history():
            history = json.loads(self._history.read_text(encoding="utf-8"))
            timeline.ingest(_with_time(event, "timestamp") for event in history["events"])
            timeline.conclude(_with_time(history["execution"], "stopDate"))
        return timeline

    def archive(self) -> Path | None:
        """Return the directory of the run's archive among the kept objects; None when nothing was archived."""
        manifest = self._object(RunKeys(self.run_id).archive_manifest)
        return manifest.parent if manifest else None

    def places(self, record: RunRecord | None) -> list[tuple[str, str]]:
        """Return where everything lies, as (name, place), only what exists."""
        hub_repo, archive = record.hub_repo if record else None, self.archive()
        logs = self.directory / "logs"
        instance = f"{record.instance.instance_id}, {record.instance.state}" if record and record.instance else None
        found = [
            ("instance", instance),
            ("adapter", archive / "adapter_model.safetensors" if archive else None),
            ("archive", archive),
            ("Hub repository", f"{hub_repo} at {record.hub_revision}" if record and hub_repo else None),
            ("on disk", self.directory / "hub" / hub_repo if hub_repo else None),
            ("logs", logs if logs.is_dir() else None),
            ("report", self.report if self.report.is_file() else None),
            ("try it", f"fine-tune-slm extract --run {self.shortest_name} NOTE.txt" if archive else None),
        ]
        return [(name, str(place)) for name, place in found if place is not None]

    @property
    def _history(self) -> Path:
        return self.directory / "executions" / f"{self.run_id}.json"

    def _document(self, key: str, model: type[DocumentT]) -> DocumentT | None:
        path = self._object(key)
        try:
            return model.model_validate_json(path.read_bytes()) if path else None
        except ValidationError:
            return None

    def _object(self, key: str) -> Path | None:
        """Return the kept copy of an object; the run has one bucket, whose name holds random letters."""
        return next(iter(sorted(self.directory.glob(f"s3/*/{key}"))), None)


def why_no_spec(content: bytes | None) -> str | None:
    """Return why the content of a run.json cannot be read, without any of its values; None when it can."""
    if content is None:
        return "it has no run.json"
    try:
        RunSpec.model_validate_json(content)
    except ValidationError as error:
        return f"its run.json cannot be read: {problems(error)}"
    return None


def _with_time(document: dict[str, Any], key: str) -> dict[str, Any]:
    return document | {key: datetime.fromisoformat(document[key])} if key in document else document


@dataclass(frozen=True)
class KeptRuns:
    """All runs below .local/runs."""

    root: Path

    @classmethod
    def of(cls, run: KeptRun) -> KeptRuns:
        """Return all runs beside this one."""
        return cls(run.directory.parent.parent)

    @property
    def directory(self) -> Path:
        """Return the directory of all runs."""
        return self.root / "runs"

    def run(self, run_id: str) -> KeptRun:
        """Return the place of a run, whether it exists or not."""
        return KeptRun(self.directory / run_id)

    def all(self) -> list[KeptRun]:
        """Return every kept run, the one that was started last first."""
        if not self.directory.is_dir():
            return []
        found = [path for path in self.directory.iterdir() if path.is_dir() and not path.is_symlink()]
        return [KeptRun(path) for path in sorted(found, key=_started, reverse=True)]

    def find(self, name: str) -> KeptRun:
        """Return the run of that id; `latest` is the one that was started last.

        Raises: RunUnknownError.
        """
        if name == LATEST:
            return _first(self.all(), "No run is kept on this machine yet")
        if not RUN_ID_PATTERN.match(name) or not (self.directory / name).is_dir():
            raise RunUnknownError("No such run is kept on this machine")
        return self.run(name)

    def find_ended(self, name: str) -> KeptRun:
        """Return the run of that id; `latest` is the newest one that has ended.

        Raises: RunUnknownError.
        """
        if name != LATEST:
            return self.find(name)
        return _first((run for run in self.all() if run.has_history()), "No run has ended on this machine yet")

    def find_model(self, name: str) -> KeptRun:
        """Return the run of that id; `latest` is the newest one that has made a model.

        Raises: RunUnknownError.
        """
        if name != LATEST:
            return self.find(name)
        pointer = self.directory / LATEST
        if not pointer.is_dir():
            raise RunUnknownError("No rehearsal has made a model on this machine yet")
        return KeptRun(pointer.resolve())

    def keep_newest(self, count: int) -> None:
        """Remove all but the newest runs; the one that `latest` points to stays in any case."""
        pointer = self.directory / LATEST
        latest = pointer.resolve() if pointer.is_symlink() else None
        for run in self.all()[count:]:
            if run.directory.resolve() != latest:
                shutil.rmtree(run.directory)

    def mark_latest(self, run: KeptRun) -> None:
        """Make `latest` point to a run, in one step."""
        pointer = self.directory / LATEST
        fresh = self.directory / f".{LATEST}.{os.getpid()}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(run.run_id)
        fresh.replace(pointer)


def _first(runs: Iterable[KeptRun], why_none: str) -> KeptRun:
    for run in runs:
        return run
    raise RunUnknownError(why_none)


def _started(directory: Path) -> tuple[str, float]:
    """Return when a run was started, which its id tells to the second; what else it may be called, its files tell."""
    changed_at = directory.stat().st_mtime
    stamp = _START_IN_ID.search(directory.name)
    if stamp:
        return stamp[0], changed_at
    return f"{datetime.fromtimestamp(changed_at):%Y%m%d-%H%M%S}", changed_at  # noqa: DTZ006 - ids tell the user's own clock


def verify_archive(directory: Path) -> Manifest:
    """Return the manifest of an archive whose every file matches it.

    Raises: ArchiveDamagedError naming the files that do not.
    """
    try:
        manifest = Manifest.model_validate_json((directory / MANIFEST_NAME).read_bytes())
    except (OSError, ValidationError) as error:
        raise ArchiveDamagedError("The archive's manifest cannot be read") from error
    wrong = [file.path for file in manifest.files if not _matches(directory / file.path, file.sha256)]
    if wrong:
        raise ArchiveDamagedError(f"These files of the archive do not match its manifest: {', '.join(wrong)}")
    return manifest


def _matches(path: Path, sha256: str) -> bool:
    return path.is_file() and sha256_of(path) == sha256
