"""What it takes to go on where a run stopped: its own input, and a checkpoint on the volume."""

from __future__ import annotations

import json
from typing import Any

from slm_core.layout import VolumePaths

from fine_tune_slm.desk.place import FoundRun
from fine_tune_slm.desk.rehearsals import read_note
from fine_tune_slm.desk.stack import StackRun
from fine_tune_slm.errors import CheckpointUnknownError, NothingToResumeError, RunGoesOnError
from fine_tune_slm.kept_runs import KeptRun


def resuming_input(run: FoundRun) -> dict[str, Any]:
    """Return the execution input that goes on where a run stopped, with all else that it was asked.

    Raises: RunGoesOnError while it runs, NothingToResumeError when it succeeded, CheckpointUnknownError when it has
    left no checkpoint.
    """
    if isinstance(run, StackRun) and run.is_running:
        raise RunGoesOnError(f"Run {run.run_id} goes on")
    record = run.read_record()
    if record is not None and record.status == "succeeded":
        raise NothingToResumeError(f"Run {run.run_id} succeeded")
    if not _has_checkpoint(run):
        raise CheckpointUnknownError(f"Run {run.run_id} has left no checkpoint to go on from")
    return _input_of(run) | {"resume_from": run.run_id}


def can_be_resumed(run: FoundRun) -> bool:
    """Return whether `fine-tune-slm resume` would go on from this run."""
    try:
        resuming_input(run)
    except (RunGoesOnError, NothingToResumeError, CheckpointUnknownError):
        return False
    return True


def _has_checkpoint(run: FoundRun) -> bool:
    record = run.read_record()
    if record is not None and record.last_checkpoint_step is not None:
        return True
    progress = run.read_progress()
    if progress is not None and progress.checkpoint_step is not None:
        return True
    # of a rehearsal that was cut off nothing else is left
    return isinstance(run, KeptRun) and any(_volume(run).checkpoints(run.run_id).glob("step-*"))


def _input_of(run: FoundRun) -> dict[str, Any]:
    text = run.read_timeline().execution_input
    if isinstance(run, KeptRun) and not run.has_history():
        note = read_note(run)
        text = note.execution_input if note else text
    # a checkpoint exists only after PrepareRun has accepted the input: it is an object of known keys
    return dict(json.loads(text))


def _volume(run: KeptRun) -> VolumePaths:
    return VolumePaths(run.directory.parent.parent / "volume")
