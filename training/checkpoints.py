"""Checkpoints on the volume: which are complete, which is the newest, and how a finished one gets its name.

It must not import torch: the Trainer writes the files, this module only says which of them count.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from loguru import logger
from slm_core.errors import CheckpointMissingError
from slm_core.layout import VolumePaths
from slm_core.records import RunSpec

from training.durable import MARKER_NAME, is_sealed, seal_and_rename, sealed_hashes

STEP_DIRECTORY = re.compile(r"step-(\d+)")
ORIGIN_NAME = "origin.json"


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint."""

    step: int
    path: Path


def newest_complete(directory: Path) -> Checkpoint | None:
    """Return the newest checkpoint whose files all match their recorded hashes, falling back past torn ones."""
    for checkpoint in reversed(_named(directory)):
        if is_sealed(checkpoint.path):
            return checkpoint
        logger.warning("checkpoint step-{} is torn and is passed over", checkpoint.step)
    return None


def checkpoint_to_resume(spec: RunSpec, volume: VolumePaths) -> Checkpoint | None:
    """Return where training continues: this run's own newest checkpoint, else that of the run it resumes from.

    Raises: CheckpointMissingError when resume_from names a run without a complete, fitting checkpoint.
    """
    own = newest_complete(volume.checkpoints(spec.run_id))
    if own is not None or spec.resume_from is None:
        return own
    found = newest_complete(volume.checkpoints(spec.resume_from))
    if found is None:
        raise CheckpointMissingError(f"Run {spec.resume_from} has no complete checkpoint on the volume")
    if _read_origin(found.path) != origin_of(spec):
        raise CheckpointMissingError(
            f"The checkpoints of run {spec.resume_from} are of another base model, adapter shape, dataset or plan"
        )
    return found


def origin_of(spec: RunSpec) -> dict[str, Any]:
    """Return what two runs must share for one to continue the other."""
    # not max_tokens_per_batch: it cuts steps into other pieces; not epochs: more of them go on where fewer ended
    shared = {"lora_rank", "lora_alpha", "target_modules", "samples", "batch_size", "seed"}
    plan = spec.config.training.model_dump(mode="json", include=shared)
    return {"base_model": spec.base_model.model_dump(), "dataset_sha256": spec.dataset_sha256, **plan}


def remove_old_runs(spec: RunSpec, volume: VolumePaths) -> None:
    """Remove from the volume the other runs that were quiet for `keep_checkpoints_days` before this one.

    The run that this one continues stays, however old. What cannot be removed is left: room is no reason to fail yet.
    """
    quiet_since = (spec.created_at - timedelta(days=spec.config.training.keep_checkpoints_days)).timestamp()
    for directory in volume.run(spec.run_id).parent.iterdir():
        if directory.name in {spec.run_id, spec.resume_from} or _last_sign_of(directory) >= quiet_since:
            continue
        try:
            shutil.rmtree(directory)
        except OSError as error:
            logger.warning("run {} cannot be removed ({})", directory.name, type(error).__name__)
        else:
            logger.info("run {} was removed: nothing was heard of it for a long time", directory.name)


class CheckpointStore:
    """Takes the Trainer's finished checkpoint directories and keeps the newest few under their names."""

    def __init__(self, directory: Path, origin: dict[str, Any], keep: int, is_writer: bool = True) -> None:
        self._directory = directory
        self._origin = origin
        self._keep = keep
        self.scratch = directory / ".writing"
        if is_writer:
            # whatever a killed process left half-written
            shutil.rmtree(self.scratch, ignore_errors=True)
            self.scratch.mkdir(parents=True)

    def adopt(self, step: int) -> Checkpoint:
        """Make the checkpoint that the Trainer has just written durable under its name, and remove the oldest ones."""
        source = self.scratch / f"checkpoint-{step}"
        (source / ORIGIN_NAME).write_text(json.dumps(self._origin), encoding="utf-8")
        target = self._directory / f"step-{step}"
        seal_and_rename(source, target)
        # what is newer than the one just written was torn: otherwise the training would have continued from it
        torn = [found for found in _named(self._directory) if found.step > step]
        older = [found for found in _named(self._directory) if found.step <= step]
        for checkpoint in torn + older[: -self._keep]:
            shutil.rmtree(checkpoint.path)
        logger.info("checkpoint step-{} is complete", step)
        return Checkpoint(step, target)


def _named(directory: Path) -> list[Checkpoint]:
    if not directory.is_dir():
        return []
    matches = [(STEP_DIRECTORY.fullmatch(path.name), path) for path in directory.iterdir()]
    return sorted((Checkpoint(int(match[1]), path) for match, path in matches if match), key=lambda item: item.step)


def _last_sign_of(run: Path) -> float:
    signs = [run / "progress.json", *run.glob(f"checkpoints/*/{MARKER_NAME}")]
    return max([sign.stat().st_mtime for sign in signs if sign.exists()], default=run.stat().st_mtime)


def _read_origin(checkpoint: Path) -> Any:
    return json.loads((checkpoint / ORIGIN_NAME).read_text(encoding="utf-8")) if sealed_hashes(checkpoint) else None
