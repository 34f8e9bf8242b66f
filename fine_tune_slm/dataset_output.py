"""Decides where `dataset generate` may write, before minutes are spent: never over what a user keeps there."""

from __future__ import annotations

import json
from pathlib import Path

from slm_core.layout import MANIFEST_NAME

from fine_tune_slm.errors import ArgumentInvalidError


def output_directory(asked: Path | None, default: Path, *, is_default_edition: bool) -> Path:
    """Return the directory to write to.

    Raises: ArgumentInvalidError when it holds something else than a generated dataset, or when another edition would
    take the place of the project's own unasked.
    """
    if asked is None and not is_default_edition:
        raise ArgumentInvalidError(
            f"Another seed or size is another dataset than that in {default}; name a directory for it with --output"
        )
    output = asked or default
    try:
        is_taken = output.exists() and any(output.iterdir()) and not _is_generated(output / MANIFEST_NAME)
    except OSError as error:
        raise ArgumentInvalidError(f"--output cannot be written to: {error.strerror}") from error
    if is_taken:
        raise ArgumentInvalidError(
            f"{output.name or output} is not empty and holds no generated dataset, and nothing there is overwritten; "
            "name a new directory with --output, or one that was generated before"
        )
    return output


def _is_generated(manifest: Path) -> bool:
    try:
        content = json.loads(manifest.read_bytes())
    except (FileNotFoundError, ValueError, RecursionError):
        return False
    return isinstance(content, dict) and content.get("synthetic") is True
