"""The metric: item-level F1 per field and over fields, with intervals, and what else one wants to know of a model.

Scores are pooled over documents: the items of all notes are counted, then divided. Where a field says nothing in gold
and answers throughout, there was nothing to miss and nothing was invented, and its score is 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from extraction.bootstrap import Counts, intervals
from extraction.canonical import canonical_items, comparable_items
from extraction.grounding import is_grounded
from extraction.mistakes import MistakeKind, mistakes_of
from extraction.parser import ParsedAnswer, parse_answer, record_of
from extraction.schema import FIELDS, ExtractionRecord, Field

BOOTSTRAPS = 1000
SEED = 13
_COUNTS_PER_FIELD = 3


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Interval(_Frozen):
    """A 95 % interval."""

    low: float
    high: float


class NullConfusion(_Frozen):
    """How many documents say something or nothing in a field: gold against answer."""

    both_null: int
    hallucinated: int
    omitted: int
    both_valued: int


class FieldScore(_Frozen):
    """The scores of one field; rates are between 0 and 1."""

    precision: float
    recall: float
    f1: float
    f1_interval: Interval
    strict: float
    """Share of documents with the very same string, or null in both."""
    exact: float
    """Share of documents with equal sets of items."""
    nulls: NullConfusion
    ungrounded_rate: float
    """Share of answered items that the note does not support."""
    omission_rate: float
    """Share of gold items that are missing."""


class ScoreReport(_Frozen):
    """All scores of one set of answers; holds counts and rates only, never a note's text."""

    samples: int
    macro_f1: float
    macro_f1_interval: Interval
    micro_f1: float
    micro_f1_interval: Interval
    record_exact: float
    record_exact_interval: Interval
    macro_strict: float
    json_valid: float
    ungrounded_rate: float
    omission_rate: float
    fields: dict[Field, FieldScore]
    mistakes: dict[MistakeKind, int]
    mistakes_by_field: dict[Field, dict[MistakeKind, int]]


class Difference(_Frozen):
    """First minus second, with its 95 % interval over the same resampled documents."""

    difference: float
    interval: Interval


class Comparison(_Frozen):
    """How one set of answers differs from another on the same notes."""

    samples: int
    macro_f1: Difference
    micro_f1: Difference
    record_exact: Difference
    fields: dict[Field, Difference]


@dataclass(frozen=True)
class _FieldOutcome:
    gold: frozenset[str]
    answer: frozenset[str]
    is_strict: bool

    @property
    def counts(self) -> Counts:
        """Return agreed, spurious and missing items."""
        agreed = len(self.gold & self.answer)
        return agreed, len(self.answer) - agreed, len(self.gold) - agreed


_Outcome = dict[Field, _FieldOutcome]


def score(
    golds: Sequence[ExtractionRecord],
    answers: Sequence[str],
    notes: Sequence[str],
    bootstrap: int = BOOTSTRAPS,
    seed: int = SEED,
) -> ScoreReport:
    """Return the scores of raw model outputs against gold records.

    Raises: ValueError when the three differ in length or are empty, or bootstrap is below 1.
    """
    _check_lengths(golds, answers, notes)
    parsed = [parse_answer(answer) for answer in answers]
    outcomes = [_outcome(gold, answer) for gold, answer in zip(golds, parsed, strict=True)]
    rows = [_row(outcome) for outcome in outcomes]
    ungrounded = [_ungrounded(answer, note) for answer, note in zip(parsed, notes, strict=True)]
    point, spread = _statistics(_summed(rows)), intervals(rows, _statistics, bootstrap, seed)
    f1_intervals = dict(zip(FIELDS, spread[3:], strict=True))
    fields = {field: _field_score(field, outcomes, ungrounded, f1_intervals[field]) for field in FIELDS}
    found = [mistake for document in zip(golds, parsed, notes, strict=True) for mistake in mistakes_of(*document)]
    answered = sum(len(outcome[field].answer) for outcome in outcomes for field in FIELDS)
    in_gold = sum(len(outcome[field].gold) for outcome in outcomes for field in FIELDS)
    missing = sum(outcome[field].counts[2] for outcome in outcomes for field in FIELDS)
    return ScoreReport(
        samples=len(rows),
        macro_f1=point[0],
        macro_f1_interval=_interval(spread[0]),
        micro_f1=point[1],
        micro_f1_interval=_interval(spread[1]),
        record_exact=point[2],
        record_exact_interval=_interval(spread[2]),
        macro_strict=sum(field.strict for field in fields.values()) / len(FIELDS),
        json_valid=sum(answer.is_valid for answer in parsed) / len(parsed),
        ungrounded_rate=_share(sum(sum(document.values()) for document in ungrounded), answered),
        omission_rate=_share(missing, in_gold),
        fields=fields,
        mistakes=_tally(mistake.kind for mistake in found),
        mistakes_by_field={field: _tally(m.kind for m in found if m.field == field) for field in FIELDS},
    )


def compare(
    golds: Sequence[ExtractionRecord],
    answers: Sequence[str],
    others: Sequence[str],
    bootstrap: int = BOOTSTRAPS,
    seed: int = SEED,
) -> Comparison:
    """Return how much better `answers` score than `others` on the same documents, paired.

    Raises: ValueError when the three differ in length or are empty.
    """
    _check_lengths(golds, answers, others)
    rows = [
        _row(_outcome(gold, parse_answer(answer))) + _row(_outcome(gold, parse_answer(other)))
        for gold, answer, other in zip(golds, answers, others, strict=True)
    ]
    point, spread = _difference(_summed(rows)), intervals(rows, _difference, bootstrap, seed)
    differences = [
        Difference(difference=value, interval=_interval(ends)) for value, ends in zip(point, spread, strict=True)
    ]
    return Comparison(
        samples=len(rows),
        macro_f1=differences[0],
        micro_f1=differences[1],
        record_exact=differences[2],
        fields=dict(zip(FIELDS, differences[3:], strict=True)),
    )


def _check_lengths(*columns: Sequence[object]) -> None:
    lengths = {len(column) for column in columns}
    if len(lengths) != 1 or lengths == {0}:
        raise ValueError(f"Gold records, answers and notes must be as many and at least one, not {sorted(lengths)}")


def _outcome(gold: ExtractionRecord, answer: ParsedAnswer) -> _Outcome:
    answered = answer.record or record_of({})
    return {field: _field_outcome(field, getattr(gold, field), answered[field]) for field in FIELDS}


def _field_outcome(field: Field, gold: str | None, answer: str | None) -> _FieldOutcome:
    gold_items, answer_items = comparable_items(field, gold, answer)
    return _FieldOutcome(gold_items, answer_items, is_strict=gold == answer)


def _ungrounded(answer: ParsedAnswer, note: str) -> dict[Field, int]:
    record = answer.record or record_of({})
    return {
        field: sum(not is_grounded(field, item, note) for item in canonical_items(field, record[field]))
        for field in FIELDS
    }


def _row(outcome: _Outcome) -> Counts:
    """Return one document's counts: three per field, whether all fields agree, and one for itself."""
    is_exact = all(field.gold == field.answer for field in outcome.values())
    return (*(count for field in FIELDS for count in outcome[field].counts), int(is_exact), 1)


def _summed(rows: Sequence[Counts]) -> Counts:
    return tuple(map(sum, zip(*rows, strict=True)))


def _statistics(totals: Counts) -> list[float]:
    """Return macro-F1, micro-F1, record-exact and the F1 of each field from summed counts."""
    *by_field, exact, documents = totals
    triples = [tuple(by_field[at : at + _COUNTS_PER_FIELD]) for at in range(0, len(by_field), _COUNTS_PER_FIELD)]
    f1s = [_f1(*triple) for triple in triples]
    micro = _f1(*map(sum, zip(*triples, strict=True)))
    return [sum(f1s) / len(f1s), micro, exact / documents, *f1s]


def _difference(totals: Counts) -> list[float]:
    half = len(totals) // 2
    return [a - b for a, b in zip(_statistics(totals[:half]), _statistics(totals[half:]), strict=True)]


def _field_score(
    field: Field, outcomes: Sequence[_Outcome], ungrounded: Sequence[dict[Field, int]], ends: tuple[float, float]
) -> FieldScore:
    column = [outcome[field] for outcome in outcomes]
    agreed, spurious, missing = _summed([outcome.counts for outcome in column])
    return FieldScore(
        precision=_share(agreed, agreed + spurious, if_none=float(not missing)),
        recall=_share(agreed, agreed + missing, if_none=float(not spurious)),
        f1=_f1(agreed, spurious, missing),
        f1_interval=_interval(ends),
        strict=sum(outcome.is_strict for outcome in column) / len(column),
        exact=sum(outcome.gold == outcome.answer for outcome in column) / len(column),
        nulls=_null_confusion(column),
        ungrounded_rate=_share(sum(document[field] for document in ungrounded), agreed + spurious),
        omission_rate=_share(missing, agreed + missing),
    )


def _null_confusion(column: Sequence[_FieldOutcome]) -> NullConfusion:
    cells = Counter((bool(outcome.gold), bool(outcome.answer)) for outcome in column)
    return NullConfusion(
        both_null=cells[False, False],
        hallucinated=cells[False, True],
        omitted=cells[True, False],
        both_valued=cells[True, True],
    )


def _f1(agreed: int, spurious: int, missing: int) -> float:
    return _share(2 * agreed, 2 * agreed + spurious + missing, if_none=1.0)


def _share(part: int, whole: int, if_none: float = 0.0) -> float:
    return part / whole if whole else if_none


def _interval(ends: tuple[float, float]) -> Interval:
    return Interval(low=ends[0], high=ends[1])


def _tally(kinds: Iterable[MistakeKind]) -> dict[MistakeKind, int]:
    counted = Counter(kinds)
    return {kind: counted[kind] for kind in MistakeKind}
