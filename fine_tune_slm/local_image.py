"""The training image that `make image` builds on this machine, and the engine's settings beside it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from fine_tune_slm.errors import EngineUnusableError
from fine_tune_slm.localcloud.settings import EngineProgram

IMAGE = "localhost/fine-tune-slm:local"
PLACE = Path(".local/image")
_SETTINGS = {"CONTAINERS_CONF": "containers.conf", "CONTAINERS_STORAGE_CONF": "storage.conf"}


def podman_environment(project: Path) -> dict[str, str]:
    """Return the variables that lead podman and buildah to what `make image` built in a checkout, if it did."""
    files = {name: (project / PLACE / file).absolute() for name, file in _SETTINGS.items()}
    return {name: str(file) for name, file in files.items() if file.is_file()}


def container_engine(name: str, project: Path) -> EngineProgram:
    """Return the container engine of this machine that has the image.

    Raises: EngineUnusableError.
    """
    path = shutil.which(name)
    if path is None:
        raise EngineUnusableError(f"There is no {name} on this machine")
    environment = podman_environment(project)
    asked = [path, "image", "inspect", "--format", "{{.Id}}", IMAGE]
    if subprocess.run(asked, env=os.environ | environment, capture_output=True, check=False).returncode:
        raise EngineUnusableError(f"{name} has no image {IMAGE}")
    return EngineProgram(path=Path(path), environment=environment)
