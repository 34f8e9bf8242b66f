"""Answers a note with the adapter of a kept run, by starting the training code's own extractor as a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from fine_tune_slm.errors import ExtractionFailedError, ModelMissingError, RunUnknownError
from fine_tune_slm.kept_runs import KeptRun, verify_archive


def extract(run: KeptRun, note: str, base_model: Path, project: Path) -> str:
    """Return the record of a note as one line of JSON.

    Raises: RunUnknownError when the run has no archive, ModelMissingError, ArchiveDamagedError, ExtractionFailedError.
    """
    archive = run.archive()
    if archive is None:
        raise RunUnknownError(f"Run {run.run_id} made no archive")
    if not base_model.is_dir():
        raise ModelMissingError("The base model's directory does not exist")
    verify_archive(archive)
    command = [sys.executable, "-m", "training", "extract"]
    command += ["--model", str(base_model.resolve()), "--adapter", str(archive.resolve()), "-"]
    answer = subprocess.run(command, input=note.encode(), stdout=subprocess.PIPE, cwd=project, check=False)
    if answer.returncode != 0:
        raise ExtractionFailedError(f"The extractor ended with exit code {answer.returncode}")
    return answer.stdout.decode("utf-8").strip()
