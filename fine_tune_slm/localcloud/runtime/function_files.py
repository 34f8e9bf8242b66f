"""A function's code and layers on disk, as a sandbox sees them under /var/task and /opt."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path


def extracted(directory: Path, archives: Sequence[bytes]) -> Path:
    """Return a directory that holds the archives' files, later ones over earlier ones; equal archives share it."""
    digest = hashlib.sha256(b"".join(hashlib.sha256(archive).digest() for archive in archives)).hexdigest()[:16]
    target = directory / digest
    if not target.is_dir():
        directory.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=directory))
        for archive in archives:
            with zipfile.ZipFile(io.BytesIO(archive)) as opened:
                opened.extractall(scratch)
        _move_unless_there(scratch, target)
    return target


def mapped_environment(variables: dict[str, str], directories: dict[str, Path]) -> dict[str, str]:
    """Return the variables with every value that is, or lies under, a sandbox path led to where that path really is.

    `directories` maps a path of the sandbox, such as /opt, to a directory of this machine.
    """
    return {name: _mapped(str(value), directories) for name, value in variables.items()}


def _mapped(value: str, directories: dict[str, Path]) -> str:
    for prefix, directory in directories.items():
        if value == prefix or value.startswith(f"{prefix}/"):
            return str(directory) + value[len(prefix) :]
    return value


def _move_unless_there(scratch: Path, target: Path) -> None:
    try:
        os.rename(scratch, target)  # noqa: PTH104  (Path.rename reads as if it returned nothing of interest)
    except OSError:  # another invocation was faster; the content is the same
        shutil.rmtree(scratch)
