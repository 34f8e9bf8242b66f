"""Reads the execution input that the user gives; it is passed on exactly as it stands, for the workflow to judge."""

from __future__ import annotations

import json
from pathlib import Path

from fine_tune_slm.errors import ArgumentInvalidError


def read_execution_input(argument: str) -> str:
    """Return the input's JSON text out of `JSON` or `@FILE`.

    Raises: ArgumentInvalidError when it is no JSON; the text itself is never told.
    """
    text = _read_file(Path(argument[1:])) if argument.startswith("@") else argument
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ArgumentInvalidError(f"--input is no valid JSON: {error.msg} at {place}") from None
    except (ValueError, RecursionError):
        raise ArgumentInvalidError("--input is nested too deep or holds a number too long to read") from None
    return text


def _read_file(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ArgumentInvalidError(f"The file of --input cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise ArgumentInvalidError("The file of --input is no valid UTF-8") from None
