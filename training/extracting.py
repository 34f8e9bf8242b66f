"""`extract`: notes in, lines of JSON out, in order and as they are done, in memory that does not grow with input."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from slm_core.errors import NotesInvalidError

from extraction.answer_line import evidenced_line, plain_line
from extraction.parser import parse_answer, record_of
from extraction.prompt import prompt_ids
from training.answering import Writer, stream_raw_answers
from training.progress_bar import ProgressBar

# notes of like length are answered together within so many batches; more would delay the first line
BATCHES_PER_WINDOW = 4


@dataclass(frozen=True)
class ExtractionOptions:
    """What is asked for beside the answers themselves."""

    total: int | None
    """How many notes will come; None when nobody knows."""
    has_evidence: bool = False
    is_one_by_one: bool = False
    """Each note is answered before the next is read: someone waits for it."""


def extract_notes(writer: Writer, notes: Iterable[str], options: ExtractionOptions) -> Iterator[str]:
    """Yield one line of JSON for each note: its seven fields, null where nothing was found.

    Raises: NotesInvalidError, after the lines of all notes before the bad one.
    """
    source = _Source(notes)
    window_size = 1 if options.is_one_by_one else BATCHES_PER_WINDOW * writer.options.batch_size
    with ProgressBar(options.total, is_shown=not options.is_one_by_one) as bar:
        while window := list(islice(source, window_size)):
            for place, text in enumerate(_in_order(writer, window)):
                yield _line(text, window[place], has_evidence=options.has_evidence)
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
    for answer in stream_raw_answers(writer, [prompt_ids(writer.tokenizer, _as_trained(note)) for note in notes]):
        done[answer.index] = answer.text
        while following in done:
            yield done.pop(following)
            following += 1


def _as_trained(note: str) -> str:
    """Return the note with the line breaks of the training notes; evidence counts those that the note really has."""
    return note.replace("\r\n", "\n").replace("\r", "\n")


def _line(text: str, note: str, *, has_evidence: bool) -> str:
    record = parse_answer(text).record or record_of({})
    return evidenced_line(record, note) if has_evidence else plain_line(record)
