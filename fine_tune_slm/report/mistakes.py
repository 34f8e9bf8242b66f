"""What went wrong, kind by kind, and examples with the words of the note that each value rests on."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup, escape
from pydantic import ValidationError
from slm_core.layout import EXAMPLES_NAME
from slm_core.records import Metrics, MistakeCount

from extraction.canonical import comparable_items
from extraction.evidence import Evidence, evidence_of
from extraction.examples import Example, Examples
from extraction.mistakes import MistakeKind
from extraction.parser import Record, parse_answer, record_of
from extraction.schema import FIELDS, Field

MEANINGS = {
    MistakeKind.FORMAT: "the output was not the JSON object that was asked for",
    MistakeKind.WRONG_FIELD: "the right item under another field's name",
    MistakeKind.NULL_HALLUCINATION: "an item where there is nothing to say",
    MistakeKind.OMISSION: "nothing in place of an item",
    MistakeKind.DISTRACTOR_LEAK: "an item that the note does mention: ruled out, declined, someone else's",
    MistakeKind.GRANULARITY: "the same thing, coarser or finer",
    MistakeKind.TEMPORAL: "a stage or response that the note gives for another time",
    MistakeKind.VALUE: "another value of the same thing, or an item that the note does not support",
    MistakeKind.BOUNDARY: "the same words, cut too short or too long",
}
FOUND, MISSED, WRONG = "found", "missed", "wrong"


class KindRow(NamedTuple):
    """One kind of mistake: how often before and after tuning, and where after it."""

    kind: str
    meaning: str
    before: str
    after: str
    by_field: str


class ValueRow(NamedTuple):
    """One field of an example."""

    field: str
    gold: str
    answer: str
    verdict: str


@dataclass(frozen=True)
class ShownExample:
    """An example as the page shows it."""

    kind: str
    number: int
    note: Markup
    rows: tuple[ValueRow, ...]
    raw: str | None
    """What the model wrote, where no record could be read from it."""


class _Mark(NamedTuple):
    start: int
    end: int
    field: Field
    status: str


def kind_rows(metrics: Metrics) -> list[KindRow]:
    """Return a row for each kind of mistake; none when the run's archive does not count them."""
    before = _by_kind(metrics.before.mistakes) if metrics.before else {}
    after = _by_kind(metrics.after.mistakes)
    return [_kind_row(kind, before.get(kind), after[kind]) for kind in MistakeKind if kind in after]


def read_examples(archive: Path | None) -> tuple[Example, ...]:
    """Return the examples in an archive."""
    try:
        return Examples.model_validate_json((archive / EXAMPLES_NAME).read_bytes()).examples if archive else ()
    except (FileNotFoundError, ValidationError):
        return ()


def show_example(example: Example) -> ShownExample:
    """Return an example with its note marked and its values side by side."""
    gold: Record = record_of(example.gold.model_dump())
    answered = parse_answer(example.answer).record
    answer: Record = answered or record_of({})
    by_gold, by_answer = evidence_of(gold, example.note), evidence_of(answer, example.note)
    rows = [
        ValueRow(field, gold[field] or "", answer[field] or "", _verdict(field, by_answer, example)) for field in FIELDS
    ]
    return ShownExample(
        kind=example.kind,
        number=example.number,
        note=marked(example.note, _marks(gold, answer, (by_gold, by_answer))),
        rows=tuple(row for row in rows if row.gold or row.answer),
        raw=None if answered else example.answer,
    )


def marked(note: str, marks: Iterable[_Mark]) -> Markup:
    """Return a note with each mark's words in place, and after them, in words, what they are."""
    listed = sorted(set(marks))
    cuts = sorted({0, len(note), *(place for mark in listed for place in (mark.start, mark.end))})
    shown = Markup("")
    for start, end in itertools.pairwise(cuts):
        over = [mark for mark in listed if mark.start <= start and end <= mark.end]
        ending = [mark for mark in over if mark.end == end]
        shown += _piece(note[start:end], over, ending)
    return shown


def _piece(words: str, over: list[_Mark], ending: list[_Mark]) -> Markup:
    if not over:
        return escape(words)
    worst = next(status for status in (WRONG, MISSED, FOUND) if any(mark.status == status for mark in over))
    tags = Markup("").join(
        Markup('<span class="tag"> {} {}</span>').format(mark.field.replace("_", " "), mark.status) for mark in ending
    )
    return Markup('<mark class="{}">{}{}</mark>').format(worst, words, tags)


def _marks(gold: Record, answer: Record, evidence: tuple[Evidence, Evidence]) -> list[_Mark]:
    marks = []
    by_gold, by_answer = evidence
    for field in FIELDS:
        right, given = comparable_items(field, gold[field], answer[field])
        for item in by_gold[field]:
            status = MISSED if item.item in right - given else FOUND
            marks += [_Mark(span.start, span.end, field, status) for span in item.spans]
        for item in by_answer[field]:
            if item.item in given - right:
                marks += [_Mark(span.start, span.end, field, WRONG) for span in item.spans]
    return marks


def _verdict(field: Field, by_answer: Evidence, example: Example) -> str:
    kinds = dict.fromkeys(str(mistake.kind) for mistake in example.mistakes if mistake.field == field)
    # what is right may follow from the note by more than the metric's rules know
    invented = [item.item for item in by_answer[field] if kinds and not item.is_grounded]
    unsupported = f"no support in the note for {', '.join(invented)}" if invented else ""
    return "; ".join(filter(None, (", ".join(kinds), unsupported)))


def _kind_row(kind: str, before: MistakeCount | None, after: MistakeCount) -> KindRow:
    return KindRow(
        kind=kind,
        meaning=MEANINGS[MistakeKind(kind)],
        before=str(before.total) if before else "",
        after=str(after.total),
        by_field=", ".join(f"{field} {count}" for field, count in after.by_field.items()),
    )


def _by_kind(counts: Iterable[MistakeCount]) -> Mapping[str, MistakeCount]:
    return {count.kind: count for count in counts}
