"""The notes that `extract` is asked about: text files, JSON lines, standard input.

Files are looked through before a model is loaded; standard input is read as it comes, so that it may be endless.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TextIO

from slm_core.errors import NotesInvalidError

STDIN = "-"
ENCODING = "utf-8-sig"
BAD_BYTES = "surrogateescape"
BAD_LINES_NAMED = 20


class Notes:
    """The notes of some inputs, in their order, read anew at every pass over the files."""

    def __init__(self, names: Sequence[str], *, is_jsonl: bool) -> None:
        self._names = names
        self._is_jsonl = is_jsonl

    def check(self) -> int | None:
        """Look through all files; return how many notes there are, None when standard input is among them.

        Raises: NotesInvalidError naming the file, and the lines that hold no note.
        """
        counts = [self._check_file(name) for name in self._names if name != STDIN]
        return None if STDIN in self._names else sum(counts)

    def __iter__(self) -> Iterator[str]:
        """Yield the notes.

        Raises: NotesInvalidError naming the line of standard input that holds none.
        """
        for name in self._names:
            if name == STDIN:
                yield from _notes_in(_standard_input(), "standard input", is_jsonl=self._is_jsonl)
                continue
            with _opened(name) as stream:
                yield from _notes_in(stream, name, is_jsonl=self._has_lines(name))

    def _has_lines(self, name: str) -> bool:
        return self._is_jsonl or name.endswith(".jsonl")

    def _check_file(self, name: str) -> int:
        with _opened(name) as stream:
            if not self._has_lines(name):
                return sum(1 for _ in _notes_in(stream, name, is_jsonl=False))
            count = 0

            def bad_lines() -> Iterator[int]:
                nonlocal count
                for count, line in enumerate(stream, start=1):
                    if _note_of(line) is None:
                        yield count

            if found := list(islice(bad_lines(), BAD_LINES_NAMED)):
                raise NotesInvalidError(f"No note in {name} at line {', '.join(map(str, found))}")
        if not count:
            raise NotesInvalidError(f"No note in {name}: it is empty")
        return count


@contextmanager
def _opened(name: str) -> Iterator[TextIO]:
    """Yield a file whose text keeps its line breaks: evidence counts characters. A byte order mark is no text."""
    try:
        with Path(name).open(encoding=ENCODING, errors=BAD_BYTES, newline="") as stream:
            yield stream
    except OSError as error:
        raise NotesInvalidError(f"{name} cannot be read: {error.strerror}") from error


def _standard_input() -> TextIO:
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(encoding=ENCODING, errors=BAD_BYTES, newline="")
    return sys.stdin


def _notes_in(stream: TextIO, name: str, *, is_jsonl: bool) -> Iterator[str]:
    if not is_jsonl:
        text = stream.read()
        if not text.strip():
            raise NotesInvalidError(f"No note in {name}: it is empty")
        if not _is_text(text):
            raise NotesInvalidError(f"{name} is no UTF-8 text")
        yield text
        return
    for number, line in enumerate(stream, start=1):
        note = _note_of(line)
        if note is None:
            raise NotesInvalidError(f"No note in {name} at line {number}")
        yield note


def _note_of(line: str) -> str | None:
    try:
        value = json.loads(line) if _is_text(line) else None
    except (ValueError, RecursionError):
        return None
    note = value.get("input") if isinstance(value, dict) else value
    return note if isinstance(note, str) and note.strip() and _is_text(note) else None


def _is_text(note: str) -> bool:
    """Return whether UTF-8 can write it: JSON may escape half of a surrogate pair, and a bad byte was read as one."""
    try:
        note.encode()
    except UnicodeEncodeError:
        return False
    return True
