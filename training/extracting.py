"""`extract`: notes in, lines of JSON out, in order and as they are done, in memory that does not grow with input."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import islice

from slm_core.errors import NotesInvalidError

from extraction.parser import parse_answer
from extraction.prompt import prompt_ids
from extraction.schema import FIELDS
from training.answering import Writer, stream_raw_answers
from training.progress_bar import ProgressBar

# notes of like length are answered together within so many batches; more would delay the first line
BATCHES_PER_WINDOW = 4


def extract_notes(writer: Writer, notes: Iterable[str], total: int | None) -> Iterator[str]:
    """Yield one line of JSON for each note: its seven fields, null where nothing was found.

    Raises: NotesInvalidError, after the lines of all notes before the bad one.
    """
    source = _Source(notes)
    with ProgressBar(total) as bar:
        while window := list(islice(source, BATCHES_PER_WINDOW * writer.options.batch_size)):
            for line in _in_order(writer, window):
                yield line
                bar.update()
    if source.error is not None:
        raise source.error


class _Source:
    """Notes up to the first bad one, whose error waits until what came before it is answered."""

    def __init__(self, notes: Iterable[str]) -> None:
        self._notes = iter(notes)
        self.error: NotesInvalidError | None = None

    def __iter__(self) -> _Source:
        return self

    def __next__(self) -> str:
        if self.error is not None:
            raise StopIteration
        try:
            return next(self._notes)
        except NotesInvalidError as error:
            self.error = error
            raise StopIteration from None


def _in_order(writer: Writer, notes: list[str]) -> Iterator[str]:
    done: dict[int, str] = {}
    following = 0
    for answer in stream_raw_answers(writer, [prompt_ids(writer.tokenizer, note) for note in notes]):
        done[answer.index] = _line(answer.text)
        while following in done:
            yield done.pop(following)
            following += 1


def _line(text: str) -> str:
    record = parse_answer(text).record or {}
    return json.dumps({field: record.get(field) for field in FIELDS}, ensure_ascii=False)
