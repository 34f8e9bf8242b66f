"""Reads notes one at a time, and lets only so many wait."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from extraction.answer_line import EvidencedRecord, read_evidenced_line
from fine_tune_slm.errors import ModelEndedError, NoteRefusedError, NoteTooLongError, ServerBusyError
from fine_tune_slm.serving.model_process import ModelProcess

LONGEST_NOTE_CHARACTERS = 20_000
MOST_WAITING = 8


@dataclass(frozen=True)
class Reading:
    """A note that was read: the extractor's line and what it says."""

    line: str
    answer: EvidencedRecord


class Reader:
    """The queue in front of the model."""

    def __init__(self, model: ModelProcess, most_waiting: int = MOST_WAITING) -> None:
        self._model = model
        self._most_waiting = most_waiting
        self._waiting = 0
        self._turn = asyncio.Lock()

    async def read(self, note: str) -> Reading:
        """Return the record and evidence of a note.

        Raises: NoteRefusedError, NoteTooLongError, ServerBusyError, ModelEndedError.
        """
        check_note(note)
        if self._turn.locked() and self._waiting >= self._most_waiting:
            raise ServerBusyError(f"{self._waiting} notes are waiting already")
        self._waiting += 1
        try:
            await self._turn.acquire()
        finally:
            self._waiting -= 1
        try:
            return await self._read_now(note)
        finally:
            self._turn.release()

    async def _read_now(self, note: str) -> Reading:
        line = await self._model.answer(note)
        try:
            answer = read_evidenced_line(line)
        except ValueError:
            raise ModelEndedError("The model's process printed something else than an answer") from None
        return Reading(line, answer)


def check_note(note: str) -> None:
    """Raises: NoteRefusedError, NoteTooLongError."""
    if not note.strip():
        raise NoteRefusedError("The note is empty")
    if len(note) > LONGEST_NOTE_CHARACTERS:
        raise NoteTooLongError(
            f"The note has {len(note):,} characters; at most {LONGEST_NOTE_CHARACTERS:,} are read here"
        )
    if any("\ud800" <= letter <= "\udfff" for letter in note):
        raise NoteRefusedError("The note holds half of a surrogate pair, which is no text")
