"""Reads the one note that `extract` is asked about, and refuses what is none before a model is loaded."""

from __future__ import annotations

import sys
from pathlib import Path

from fine_tune_slm.errors import NoteUnreadableError

STDIN = "-"
MAX_BYTES = 1_000_000


def read_note(name: str) -> str:
    """Return the note in a file, or on standard input for `-`.

    Raises: NoteUnreadableError when it is missing, empty, too large or no UTF-8 text: by its name, never quoting it.
    """
    place = "standard input" if name == STDIN else name
    content = sys.stdin.buffer.read(MAX_BYTES + 1) if name == STDIN else _read_file(Path(name))
    if len(content) > MAX_BYTES:
        raise NoteUnreadableError(f"The note in {place} is larger than {MAX_BYTES} bytes")
    if b"\0" in content:
        raise NoteUnreadableError(f"The note in {place} is a binary file, not text")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NoteUnreadableError(f"The note in {place} is no valid UTF-8 (byte {error.start + 1})") from None
    if not text.strip():
        raise NoteUnreadableError(f"The note in {place} is empty")
    return text


def _read_file(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise NoteUnreadableError(f"The note in {path} cannot be read: {error.strerror}") from error
