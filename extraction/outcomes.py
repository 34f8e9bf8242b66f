"""How an answer differs from gold in one note, as counts: what scores, intervals and comparisons are summed from.

The counts of a note hold nothing of its text, so they may be kept beside a model and compared with another one's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from extraction.bootstrap import Counts
from extraction.canonical import comparable_items
from extraction.parser import ParsedAnswer, parse_answer, record_of
from extraction.schema import FIELDS, ExtractionRecord, Field

BOOTSTRAPS = 1000
SEED = 13
COUNTS_PER_FIELD = 3
COLUMNS = (*(f"{field} {what}" for field in FIELDS for what in ("agreed", "spurious", "missing")), "exact", "notes")


class Frozen(BaseModel):
    """A model that refuses unknown keys and never prints its input."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Interval(Frozen):
    """A 95 % interval."""

    low: float
    high: float

    @classmethod
    def of(cls, ends: tuple[float, float]) -> Interval:
        """Return the interval between two ends."""
        return cls(low=ends[0], high=ends[1])


class NoteOutcomes(Frozen):
    """outcomes.json: the counts of every validation note, in the order of evaluation; no note's text."""

    schema_version: Literal[1] = 1
    columns: tuple[str, ...] = COLUMNS
    before: tuple[Counts, ...] | None
    after: tuple[Counts, ...]


@dataclass(frozen=True)
class FieldOutcome:
    """What gold and the answer say in one field of one note."""

    gold: frozenset[str]
    answer: frozenset[str]
    is_strict: bool
    """Both have the very same string, or null."""

    @property
    def counts(self) -> Counts:
        """Return agreed, spurious and missing items."""
        agreed = len(self.gold & self.answer)
        return agreed, len(self.answer) - agreed, len(self.gold) - agreed


Outcome = dict[Field, FieldOutcome]


def outcome_of(gold: ExtractionRecord, answer: ParsedAnswer) -> Outcome:
    """Return the outcome of one note; an answer without a record says nothing in any field."""
    answered = answer.record or record_of({})
    return {field: _field_outcome(field, getattr(gold, field), answered[field]) for field in FIELDS}


def note_counts(golds: Sequence[ExtractionRecord], answers: Sequence[str]) -> list[Counts]:
    """Return the counts of each note.

    Raises: ValueError when the two differ in length.
    """
    return [counts_of(outcome_of(gold, parse_answer(raw))) for gold, raw in zip(golds, answers, strict=True)]


def counts_of(outcome: Outcome) -> Counts:
    """Return one note's counts: agreed, spurious and missing by field, whether all fields agree, and one for itself."""
    is_exact = all(field.gold == field.answer for field in outcome.values())
    return (*(count for field in FIELDS for count in outcome[field].counts), int(is_exact), 1)


def summed(rows: Sequence[Counts]) -> Counts:
    """Return the counts of all notes together."""
    return tuple(map(sum, zip(*rows, strict=True)))


def statistics(totals: Counts) -> list[float]:
    """Return macro-F1, micro-F1, record-exact and the F1 of each field from summed counts."""
    *by_field, exact, notes = totals
    triples = [tuple(by_field[at : at + COUNTS_PER_FIELD]) for at in range(0, len(by_field), COUNTS_PER_FIELD)]
    f1s = [f1(*triple) for triple in triples]
    micro = f1(*map(sum, zip(*triples, strict=True)))
    return [sum(f1s) / len(f1s), micro, exact / notes, *f1s]


def f1(agreed: int, spurious: int, missing: int) -> float:
    """Return F1; 1 where there was nothing to find and nothing was found."""
    return share(2 * agreed, 2 * agreed + spurious + missing, if_none=1.0)


def share(part: int, whole: int, if_none: float = 0.0) -> float:
    """Return part of whole."""
    return part / whole if whole else if_none


def require_equal_lengths(*columns: Sequence[object]) -> None:
    """Raise ValueError when columns differ in length or are empty."""
    lengths = {len(column) for column in columns}
    if len(lengths) != 1 or lengths == {0}:
        raise ValueError(f"Gold records, answers and notes must be as many and at least one, not {sorted(lengths)}")


def _field_outcome(field: Field, gold: str | None, answer: str | None) -> FieldOutcome:
    gold_items, answer_items = comparable_items(field, gold, answer)
    return FieldOutcome(gold_items, answer_items, is_strict=gold == answer)
