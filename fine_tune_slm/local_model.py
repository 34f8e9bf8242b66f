"""Base models on this machine: the rehearsal's, built once by the training code, and those that came from the Hub."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from slm_core.records import BaseModelRef

from fine_tune_slm.errors import ModelBuildFailedError, ModelMissingError, RunUnknownError
from fine_tune_slm.kept_runs import KeptRun, verify_archive

MODELS = "models"
DIRECTORY_NAME = "SmolLM2-135M-Instruct"


def local_model_directory(root: Path) -> Path:
    """Return where the local model is kept."""
    return root / MODELS / DIRECTORY_NAME


def base_model_directory(run: KeptRun, root: Path) -> Path:
    """Return where the base model of a run's adapter lies: below models/, or in the Hub's cache of this machine.

    Raises: ModelMissingError when it lies in neither, RunUnknownError when the run has no archive, ArchiveDamagedError.
    """
    archive = run.archive()
    if archive is None:
        raise RunUnknownError(f"Run {run.run_id} made no archive")
    base = verify_archive(archive).provenance.base_model
    kept = root / MODELS / base.repo_id.rsplit("/", maxsplit=1)[-1]
    found = kept if kept.is_dir() else _in_hub_cache(base)
    if found is None:
        raise ModelMissingError(
            f"Run {run.run_id} was tuned from {base.repo_id} at {base.revision}, which is neither in {kept} nor in the "
            "Hub's cache of this machine"
        )
    return found


def _in_hub_cache(base: BaseModelRef) -> Path | None:
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 - 0.2 s that --help must not pay

    found = try_to_load_from_cache(base.repo_id, "config.json", revision=base.revision)
    return Path(found).parent if isinstance(found, str) else None


def ensure_local_model(root: Path, project: Path) -> Path:
    """Return the local model's directory; the training code builds the model unless a complete one lies there.

    Raises: ModelBuildFailedError.
    """
    directory = local_model_directory(root)
    command = [sys.executable, "-m", "training", "build-local-model", "--output", str(directory.resolve())]
    if subprocess.run(command, cwd=project, check=False).returncode != 0:
        raise ModelBuildFailedError("The local model could not be built")
    return directory
