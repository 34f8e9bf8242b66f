"""What sort of mistake an answer makes: the taxonomy by which errors are counted.

The first kind that fits is taken, in the order of `MistakeKind`. A missing item and a spurious one that belong
together (stage IIIA for IIIB) are one mistake.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from extraction.canonical import canonical_items, comparable_items
from extraction.canonical.stage import stages_in_prose
from extraction.grounding import is_grounded, is_mentioned
from extraction.parser import ParsedAnswer, Record, record_of
from extraction.schema import FIELDS, ExtractionRecord, Field
from extraction.vocabulary import Entry, vocabulary
from extraction.wording import normalised

_VAGUE_VALUES = {"positive", "high", "elevated", "stated", "low", "rising", "falling"}
_SHARED_WORD = re.compile(r"[a-z0-9]{4,}")


class MistakeKind(StrEnum):
    """The kinds of mistake, in the order in which they are tried."""

    FORMAT = "format"
    """The output was not the JSON object that was asked for."""
    WRONG_FIELD = "wrong field"
    """The right item under another field's name."""
    NULL_HALLUCINATION = "null hallucination"
    """An item where gold says nothing."""
    OMISSION = "omission"
    """Nothing in place of an item of gold."""
    DISTRACTOR_LEAK = "distractor leak"
    """An extra item that the note does mention: ruled out, declined, someone else's."""
    GRANULARITY = "granularity"
    """The same thing, coarser or finer."""
    TEMPORAL = "temporal"
    """A stage or response that the note gives for another time."""
    VALUE = "value"
    """Another value of the same thing, or an item that the note does not support."""
    BOUNDARY = "boundary"
    """The same words, cut too short or too long."""


@dataclass(frozen=True)
class Mistake:
    """One mistake; `field` is None for a format mistake, items are canonical."""

    kind: MistakeKind
    field: Field | None = None
    missing: str | None = None
    spurious: str | None = None


@dataclass
class _Differences:
    """What is still to be explained of one field, and what needs no explanation."""

    agreed: frozenset[str]
    missing: set[str]
    spurious: set[str]


def mistakes_of(gold: ExtractionRecord, answer: ParsedAnswer, note: str) -> list[Mistake]:
    """Return every mistake of one answer; an answer that cannot be read at all is one format mistake."""
    found = [] if answer.is_valid else [Mistake(MistakeKind.FORMAT)]
    if answer.record is None:
        return found
    gold_record = record_of(gold.model_dump())
    differences = {field: _difference(field, gold_record, answer.record) for field in FIELDS}
    found += _misplaced(answer.record, differences)
    for field, difference in differences.items():
        says_nothing = not canonical_items(field, gold_record[field]), not canonical_items(field, answer.record[field])
        found += _of_field(field, difference, says_nothing, note)
    return found


def _difference(field: Field, gold: Record, answer: Record) -> _Differences:
    gold_items, answer_items = comparable_items(field, gold[field], answer[field])
    return _Differences(gold_items & answer_items, set(gold_items - answer_items), set(answer_items - gold_items))


def _misplaced(answer: Record, differences: dict[Field, _Differences]) -> Iterator[Mistake]:
    for source in FIELDS:
        for part in filter(None, map(str.strip, (answer[source] or "").split(";"))):
            read_here = canonical_items(source, part)
            for target in (field for field in FIELDS if field != source):
                moved = canonical_items(target, part) & differences[target].missing
                if not moved or read_here & differences[source].agreed:
                    continue
                differences[target].missing -= moved
                differences[source].spurious -= read_here
                yield from (Mistake(MistakeKind.WRONG_FIELD, target, missing=item) for item in sorted(moved))


def _of_field(field: Field, rest: _Differences, says_nothing: tuple[bool, bool], note: str) -> Iterator[Mistake]:
    """Yield the mistakes of one field; `says_nothing` tells it of gold and of the answer."""
    if says_nothing[0]:
        yield from (Mistake(MistakeKind.NULL_HALLUCINATION, field, spurious=item) for item in sorted(rest.spurious))
        return
    if not says_nothing[1]:
        yield from _pairs(field, rest, note)
    yield from (Mistake(MistakeKind.OMISSION, field, missing=item) for item in sorted(rest.missing))
    for item in sorted(rest.spurious):
        kind = MistakeKind.DISTRACTOR_LEAK if is_mentioned(field, item, note) else MistakeKind.VALUE
        yield Mistake(kind, field, spurious=item)


def _pairs(field: Field, rest: _Differences, note: str) -> Iterator[Mistake]:
    """Yield the mistakes that take one item for another, the closest relation first, and remove their items."""
    relations = (
        (MistakeKind.GRANULARITY, _is_coarser_or_finer),
        (MistakeKind.TEMPORAL, _is_of_another_time),
        (MistakeKind.VALUE, _is_another_value),
        (MistakeKind.BOUNDARY, _shares_words),
    )
    for kind, are_related in relations:
        for missing in sorted(rest.missing):
            spurious = next((item for item in sorted(rest.spurious) if are_related(field, missing, item, note)), None)
            if spurious is not None:
                rest.missing.remove(missing)
                rest.spurious.remove(spurious)
                yield Mistake(kind, field, missing, spurious)


def _is_coarser_or_finer(field: Field, left: str, right: str, _note: str) -> bool:
    if field == "stage":
        return left.rstrip("ABCD") == right.rstrip("ABCD")
    if field in {"gene_mutation", "biomarker"}:
        (subject, value), (other, other_value) = _subject_and_value(field, left), _subject_and_value(field, right)
        vague = _VAGUE_VALUES if field == "biomarker" else {"mutation"}
        return subject == other and bool({value, other_value} & vague)
    return right in _broader(field, left) or left in _broader(field, right)


def _is_of_another_time(field: Field, missing: str, spurious: str, note: str) -> bool:
    if field == "stage":
        return spurious in stages_in_prose(normalised(note))
    is_state = field == "response" and _entry(field, missing) and _entry(field, spurious)
    return bool(is_state and is_grounded(field, spurious, note))


def _is_another_value(field: Field, left: str, right: str, _note: str) -> bool:
    if field in {"gene_mutation", "biomarker"}:
        return _subject_and_value(field, left)[0] == _subject_and_value(field, right)[0]
    return field in {"cancer_type", "stage", "response"}


def _shares_words(_field: Field, left: str, right: str, _note: str) -> bool:
    words, others = (set(_SHARED_WORD.findall(item.lower().replace("_", " "))) for item in (left, right))
    return bool(words & others)


def _subject_and_value(field: Field, item: str) -> tuple[str, str]:
    if field == "gene_mutation":
        gene, _, alteration = item.partition(" ")
        return gene, alteration
    marker, _, value = item.rpartition(" ")
    return marker, value


@cache
def _broader(field: Field, item: str) -> frozenset[str]:
    """Return the items that say the same less exactly, by the vocabulary."""
    entries = [entry for entry in vocabulary(field) if entry.item == item]
    return frozenset(vocabulary(field)[code].item for entry in entries for code in entry.broader) - {item}


def _entry(field: Field, code: str) -> Entry | None:
    return vocabulary(field).get(code)
