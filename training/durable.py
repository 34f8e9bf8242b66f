"""Directories that are complete or not there: a temporary name, fsync, rename, and a marker that holds every hash.

A host can vanish between any two writes. Whoever reads a checkpoint, a cached model or a dataset looks for the marker
first.
It must not import torch, so that the command line can use it at once.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

from slm_core.records import sha256_of

MARKER_NAME = "COMPLETE"
RESERVED_BYTES = 1 << 16


def write_durably(path: Path, content: bytes) -> None:
    """Write a file so that a reader finds the old content or the new one, never a part."""
    temporary = path.with_name(f".{path.name}.partial")
    with temporary.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    fsync_directory(path.parent)


def reserve_space(path: Path) -> None:
    """Take the room of a small file now, so that removing it leaves room for one when the disk is full."""
    path.write_bytes(bytes(RESERVED_BYTES))


def seal(directory: Path) -> dict[str, str]:
    """Force every file of a directory to disk, write the marker with their SHA-256 and return the hashes by path."""
    hashes = {}
    for path in sorted(item for item in directory.rglob("*") if item.is_file() and item.name != MARKER_NAME):
        _fsync(path)
        hashes[path.relative_to(directory).as_posix()] = sha256_of(path)
    write_durably(directory / MARKER_NAME, json.dumps(hashes, indent=1).encode())
    return hashes


def seal_and_rename(source: Path, target: Path) -> dict[str, str]:
    """Seal a finished temporary directory, give it its name and return the hashes by path."""
    hashes = seal(source)
    rename_durably(source, target)
    return hashes


def rename_durably(source: Path, target: Path) -> None:
    """Give a sealed directory its name; what stood there is replaced."""
    if target.exists():
        shutil.rmtree(target)
    source.rename(target)
    fsync_directory(target.parent)


def sealed_hashes(directory: Path) -> dict[str, str] | None:
    """Return the hashes that the marker records, or None without a readable marker."""
    try:
        content = json.loads((directory / MARKER_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def damaged_files(directory: Path, hashes: dict[str, str]) -> list[str]:
    """Return the names that are missing or differ from their recorded SHA-256, in order."""
    return [
        name
        for name, sha256 in sorted(hashes.items())
        if not (directory / name).is_file() or sha256_of(directory / name) != sha256
    ]


def is_sealed(directory: Path) -> bool:
    """Say whether the directory has its marker and every file still matches it."""
    hashes = sealed_hashes(directory)
    return hashes is not None and not damaged_files(directory, hashes)


def fsync_directory(directory: Path) -> None:
    """Force a directory's own entries (a rename, a new name) to disk."""
    _fsync(directory)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
