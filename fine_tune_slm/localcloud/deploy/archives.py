"""Zip archives of local directories, equal bytes for equal content, as `sam package` would upload them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path, PurePosixPath

_IGNORED_DIRECTORIES = {"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache"}
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)


def zip_directory(directory: Path, prefix: str = "") -> bytes:
    """Return a zip of the directory's files under `prefix`; names and bytes alone decide its content."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path for path in directory.rglob("*") if path.is_file()):
            relative = file.relative_to(directory)
            if not _IGNORED_DIRECTORIES.intersection(relative.parts):
                entry = zipfile.ZipInfo(str(PurePosixPath(prefix, *relative.parts)), _FIXED_TIME)
                entry.compress_type = zipfile.ZIP_DEFLATED
                entry.external_attr = 0o755 << 16
                archive.writestr(entry, file.read_bytes())
    return buffer.getvalue()
