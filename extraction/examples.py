"""A few answers that went wrong, note and all, for a reader who wants to see what each kind of mistake looks like.

They hold the notes' text. Whoever writes them down must know that the notes are synthetic; nothing here can tell.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from extraction.mistakes import Mistake, MistakeKind, mistakes_of
from extraction.outcomes import Frozen
from extraction.parser import parse_answer
from extraction.schema import DatasetRecord, ExtractionRecord

EXAMPLES_PER_KIND = 2
LONGEST_ANSWER_CHARACTERS = 2000


class Example(Frozen):
    """One note with what it should have yielded, what the model wrote, and every mistake in that."""

    kind: MistakeKind
    """The kind that it was chosen to show."""
    number: int
    """The note's place among the notes that were evaluated, from 1."""
    note: str
    gold: ExtractionRecord
    answer: str
    mistakes: tuple[Mistake, ...]


class Examples(Frozen):
    """examples.json."""

    schema_version: Literal[1] = 1
    examples: tuple[Example, ...]


def choose_examples(records: Sequence[DatasetRecord], answers: Sequence[str]) -> Examples:
    """Return the shortest notes that show each kind of mistake, no note twice.

    Raises: ValueError when the two differ in length.
    """
    pairs = list(zip(records, answers, strict=True))
    found = [mistakes_of(record.output, parse_answer(answer), record.input) for record, answer in pairs]
    by_length = sorted(range(len(pairs)), key=lambda index: (len(records[index].input), index))
    chosen: dict[int, MistakeKind] = {}
    for kind in MistakeKind:
        fitting = [i for i in by_length if i not in chosen and any(mistake.kind == kind for mistake in found[i])]
        chosen |= dict.fromkeys(fitting[:EXAMPLES_PER_KIND], kind)
    return Examples(
        examples=tuple(
            Example(
                kind=kind,
                number=index + 1,
                note=records[index].input,
                gold=records[index].output,
                answer=answers[index][:LONGEST_ANSWER_CHARACTERS],
                mistakes=tuple(found[index]),
            )
            for index, kind in chosen.items()
        )
    )
