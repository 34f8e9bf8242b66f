"""A run of a stack on this machine: documents, history and archive, laid down as a rehearsal leaves them."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError
from slm_core.layout import MANIFEST_NAME, OUTCOMES_NAME, RunKeys, release_key
from slm_core.records import Manifest

from fine_tune_slm.aws import aws_refusals_explained
from fine_tune_slm.desk.place import Whereabouts
from fine_tune_slm.desk.stack import StackRun, runs_of_stage
from fine_tune_slm.errors import ArchiveDamagedError, RunUnfinishedError
from fine_tune_slm.kept_runs import KeptRun, KeptRuns, verify_archive
from fine_tune_slm.report.previous import published_before

if TYPE_CHECKING:
    from slm_core.store import ObjectStore

DIRECTORY_NAME = "stacks"


def ended_run_here(where: Whereabouts, name: str) -> KeptRun:
    """Return a kept run, or a run of a stack once it is fetched; `latest` is the newest one that has ended.

    Raises: RunUnknownError; ExecutionUnknownError and what `fetch` raises; what AWS refuses.
    """
    if where.stage_meant is None:
        return KeptRuns(where.root).find_ended(name)
    with aws_refusals_explained():
        return fetch(runs_of_stage(where).find_ended(name), where.root)


def model_run_here(where: Whereabouts, name: str) -> KeptRun:
    """Return a kept run, or a run of a stack once it is fetched; `latest` is the newest one that has made a model.

    Raises: as `ended_run_here` does.
    """
    if where.stage_meant is None:
        return KeptRuns(where.root).find_model(name)
    with aws_refusals_explained():
        return fetch(runs_of_stage(where).find_model(name), where.root)


def fetch(run: StackRun, root: Path) -> KeptRun:
    """Return a run of a stack that has ended, out of a directory under the root; an archive is fetched only once.

    Raises: RunUnfinishedError, ArchiveDamagedError.
    """
    from slm_core.store import ObjectStore  # noqa: PLC0415 - botocore, which a kept run does not need

    if run.is_running:
        raise RunUnfinishedError(f"Run {run.run_id} has not ended")
    # a bucket's name says which account is meant, a stack's name does not
    kept = KeptRuns(root / DIRECTORY_NAME / run.execution.bucket).run(run.run_id)
    copy = _Copy(kept, ObjectStore(run.execution.bucket, run.execution.s3))
    copy.fetch_documents(run.keys.spec, run.keys.record)
    copy.fetch_archive()
    _fetch_release_before(copy)
    _keep_history(run, kept)
    return kept


@dataclass(frozen=True)
class _Copy:
    """What a bucket holds of a run, as objects below the run's directory."""

    run: KeptRun
    store: ObjectStore

    def path(self, key: str) -> Path:
        return self.run.directory / "s3" / self.store.bucket / key

    def fetch_documents(self, *keys: str) -> None:
        for key in keys:
            content = self.store.read(key)
            if content is not None:
                self.path(key).parent.mkdir(parents=True, exist_ok=True)
                self.path(key).write_bytes(content)

    def fetch_archive(self) -> None:
        keys = RunKeys(self.run.run_id)
        manifest = self.store.read(keys.archive_manifest)
        archive = self.path(keys.archive)
        if manifest is None or _is_whole(archive, manifest):
            return
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=archive.parent) as scratch:
            fresh = Path(scratch, "archive")
            self._download(manifest, keys.archive, fresh)
            verify_archive(fresh)
            shutil.rmtree(archive, ignore_errors=True)
            fresh.rename(archive)

    def _download(self, content: bytes, prefix: str, directory: Path) -> None:
        try:
            manifest = Manifest.model_validate_json(content)
        except ValidationError as error:
            raise ArchiveDamagedError("The archive's manifest cannot be read") from error
        megabytes = sum(file.size_bytes for file in manifest.files) / 1e6
        print(f"Fetching the archive of run {self.run.run_id}, {megabytes:.1f} MB", file=sys.stderr)
        for file in manifest.files:
            target = directory / file.path
            target.parent.mkdir(parents=True, exist_ok=True)
            self.store.download(f"{prefix}{file.path}", target)
        (directory / MANIFEST_NAME).write_bytes(content)


def _is_whole(archive: Path, manifest: bytes) -> bool:
    try:
        verify_archive(archive)
    except ArchiveDamagedError:
        return False
    return (archive / MANIFEST_NAME).read_bytes() == manifest


def _fetch_release_before(copy: _Copy) -> None:
    """Fetch what a report compares a run with: record and counts of the release that its gate saw."""
    spec = copy.run.read_spec()
    if spec is None:
        return
    copy.fetch_documents(release_key(spec.hub.publish_repo))
    history = copy.run.read_releases(spec.hub.publish_repo)
    before = published_before(history, copy.run.run_id) if history else None
    if before is not None:
        keys = RunKeys(before.run_id)
        other = _Copy(KeptRuns.of(copy.run).run(before.run_id), copy.store)
        other.fetch_documents(keys.record, f"{keys.archive}{OUTCOMES_NAME}")


def _keep_history(run: StackRun, kept: KeptRun) -> None:
    description = {key: value for key, value in run.execution.description().items() if key != "ResponseMetadata"}
    path = kept.directory / "executions" / f"{run.run_id}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {"execution": description, "events": run.execution.events()}
    path.write_text(json.dumps(document, default=str), encoding="utf-8")
