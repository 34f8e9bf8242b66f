"""Answers notes with the adapter of a run, by starting the training code's own extractor as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slm_core.errors import CALLER_VARIABLE

from fine_tune_slm.desk.fetching import model_run_here
from fine_tune_slm.desk.place import Whereabouts
from fine_tune_slm.errors import ExtractionFailedError, ModelMissingError, RunUnknownError
from fine_tune_slm.kept_runs import KeptRun, verify_archive
from fine_tune_slm.local_model import base_model_directory
from fine_tune_slm.naming import PROJECT
from fine_tune_slm.project import find_project

STDIN = "-"
ENDED_BY_THE_USER = (2, 130, 141)
"""Exit codes after input that holds no note, after Ctrl-C, and after the reader of a pipe has gone."""


@dataclass(frozen=True)
class Extractor:
    """The adapter of a run with its base model; `flags` go to the extractor as they are."""

    run: KeptRun
    base_model: Path
    project: Path
    flags: Sequence[str] = ()

    def answer(self, note: str) -> str:
        """Return the record of a note as one line of JSON.

        Raises: RunUnknownError when the run has no archive, ModelMissingError, ArchiveDamagedError,
        ExtractionFailedError.
        """
        command = [*self.command(), STDIN]
        answer = self._run(command, input=note.encode(), stdout=subprocess.PIPE)
        if answer.returncode != 0:
            raise ExtractionFailedError(f"The extractor ended with exit code {answer.returncode}")
        return answer.stdout.decode("utf-8").strip()

    def stream(self, names: Sequence[str]) -> int:
        """Let the extractor print the records of all notes in these inputs; return 0, or how the user ended it.

        Raises: as `answer` does.
        """
        places = [name if name == STDIN else str(Path(name).resolve()) for name in names]
        code = self._run([*self.command(), "--", *places]).returncode
        if code not in (0, *ENDED_BY_THE_USER):
            raise ExtractionFailedError(f"The extractor ended with exit code {code}")
        return code

    def _run(self, command: list[str], **streams: Any) -> subprocess.CompletedProcess[bytes]:
        environment = os.environ | {CALLER_VARIABLE: PROJECT}
        return subprocess.run(command, cwd=self.project, env=environment, check=False, **streams)

    def command(self) -> list[str]:
        """Return how the extractor is started, but for its inputs.

        Raises: RunUnknownError when the run has no archive, ModelMissingError, ArchiveDamagedError.
        """
        archive = self.run.archive()
        if archive is None:
            raise RunUnknownError(f"Run {self.run.run_id} made no archive")
        if not self.base_model.is_dir():
            raise ModelMissingError(f"There is no directory {self.base_model}")
        verify_archive(archive)
        command = [sys.executable, "-m", "training", "extract", "--model", str(self.base_model.resolve())]
        return [*command, "--adapter", str(archive.resolve()), *self.flags]


@dataclass(frozen=True)
class ModelChoice:
    """The options by which the user says which model reads; without `base_model`, the one on this machine."""

    run: str
    base_model: Path | None
    where: Whereabouts

    def extractor(self, flags: Sequence[str]) -> Extractor:
        """Return the extractor with this model; a run of a stack is fetched first.

        Raises: as `model_run_here` and `base_model_directory` do.
        """
        run = model_run_here(self.where, self.run)
        base_model = self.base_model or base_model_directory(run, self.where.root)
        return Extractor(run, base_model, find_project(), flags)
