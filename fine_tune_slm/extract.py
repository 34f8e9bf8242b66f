"""Answers notes with the adapter of a kept run, by starting the training code's own extractor as a process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fine_tune_slm.errors import ExtractionFailedError, ModelMissingError, RunUnknownError
from fine_tune_slm.kept_runs import KeptRun, verify_archive

STDIN = "-"
ENDED_BY_THE_USER = (130, 141)
"""Exit codes after Ctrl-C and after the reader of a pipe has gone."""


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
        answer = subprocess.run(command, input=note.encode(), stdout=subprocess.PIPE, cwd=self.project, check=False)
        if answer.returncode != 0:
            raise ExtractionFailedError(f"The extractor ended with exit code {answer.returncode}")
        return answer.stdout.decode("utf-8").strip()

    def stream(self, names: Sequence[str]) -> int:
        """Let the extractor print the records of all notes in these inputs; return 0, or how the user ended it.

        Raises: as `answer` does.
        """
        places = [name if name == STDIN else str(Path(name).resolve()) for name in names]
        code = subprocess.run([*self.command(), "--", *places], cwd=self.project, check=False).returncode
        if code not in (0, *ENDED_BY_THE_USER):
            raise ExtractionFailedError(f"The extractor ended with exit code {code}")
        return code

    def command(self) -> list[str]:
        """Return how the extractor is started, but for its inputs.

        Raises: RunUnknownError when the run has no archive, ModelMissingError, ArchiveDamagedError.
        """
        archive = self.run.archive()
        if archive is None:
            raise RunUnknownError(f"Run {self.run.run_id} made no archive")
        if not self.base_model.is_dir():
            raise ModelMissingError("The base model's directory does not exist")
        verify_archive(archive)
        command = [sys.executable, "-m", "training", "extract", "--model", str(self.base_model.resolve())]
        return [*command, "--adapter", str(archive.resolve()), *self.flags]
