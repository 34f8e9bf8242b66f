"""The rehearsal's base model on this machine, built once by the training code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from fine_tune_slm.errors import ModelBuildFailedError

DIRECTORY_NAME = "SmolLM2-135M-Instruct"


def local_model_directory(root: Path) -> Path:
    """Return where the local model is kept."""
    return root / "models" / DIRECTORY_NAME


def ensure_local_model(root: Path, project: Path) -> Path:
    """Return the local model's directory; the training code builds the model unless a complete one lies there.

    Raises: ModelBuildFailedError.
    """
    directory = local_model_directory(root)
    command = [sys.executable, "-m", "training", "build-local-model", "--output", str(directory.resolve())]
    if subprocess.run(command, cwd=project, check=False).returncode != 0:
        raise ModelBuildFailedError("The local model could not be built")
    return directory
