"""Asks the training code for the plan of a run: it alone can count a dataset's tokens, and it runs as a process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from slm_core.errors import CALLER_VARIABLE

from fine_tune_slm.naming import PROJECT
from fine_tune_slm.project import find_project

PLAIN_CODES = {0, 1, 2, 75, 130}


@dataclass(frozen=True)
class PlanOptions:
    """What the user asks the plan for; None leaves the choice to the project's own files."""

    config: Path | None
    gpu: str
    gpus: int
    model: Path | None
    dataset: Path | None
    prices: Path | None
    is_json: bool

    def arguments(self, project: Path) -> Iterator[str]:
        """Yield the arguments of `python -m training plan`, every path whole: it runs in another directory."""
        paths = {
            "--config": self.config or project / "config" / "training_config.yml",
            "--prices": self.prices or project / "config" / "prices.yml",
            "--model": self.model,
            "--dataset": self.dataset,
        }
        for name, path in paths.items():
            if path is not None:
                yield from (name, str(path.resolve()))
        yield from ("--gpu", self.gpu, "--gpus", str(self.gpus))
        if self.is_json:
            yield "--json"


def run_plan(options: PlanOptions) -> int:
    """Print the plan and return the exit code; what is wrong is told by the training, in the words of this command."""
    project = find_project()
    command = [sys.executable, "-m", "training", "plan", *options.arguments(project)]
    environment = os.environ | {CALLER_VARIABLE: PROJECT}
    code = subprocess.run(command, cwd=project, env=environment, check=False).returncode
    return code if code in PLAIN_CODES else 1
