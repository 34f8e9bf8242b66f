"""The metric: item-level F1 per field and over fields, with intervals, and what else one wants to know of a model.

Scores are pooled over documents: the items of all notes are counted, then divided. Where a field says nothing in gold
and answers throughout, there was nothing to miss and nothing was invented, and its score is 1.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from extraction.bootstrap import intervals
from extraction.canonical import canonical_items
from extraction.grounding import is_grounded
from extraction.mistakes import MistakeKind, mistakes_of
from extraction.outcomes import (
    BOOTSTRAPS,
    SEED,
    FieldOutcome,
    Frozen,
    Interval,
    Outcome,
    counts_of,
    f1,
    outcome_of,
    require_equal_lengths,
    share,
    statistics,
    summed,
)
from extraction.parser import ParsedAnswer, parse_answer, record_of
from extraction.schema import FIELDS, ExtractionRecord, Field


class NullConfusion(Frozen):
    """How many documents say something or nothing in a field: gold against answer."""

    both_null: int
    hallucinated: int
    omitted: int
    both_valued: int


class FieldScore(Frozen):
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


class ScoreReport(Frozen):
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
    require_equal_lengths(golds, answers, notes)
    parsed = [parse_answer(answer) for answer in answers]
    outcomes = [outcome_of(gold, answer) for gold, answer in zip(golds, parsed, strict=True)]
    rows = [counts_of(outcome) for outcome in outcomes]
    ungrounded = [_ungrounded(answer, note) for answer, note in zip(parsed, notes, strict=True)]
    point, spread = statistics(summed(rows)), intervals(rows, statistics, bootstrap, seed)
    f1_intervals = dict(zip(FIELDS, spread[3:], strict=True))
    fields = {field: _field_score(field, outcomes, ungrounded, f1_intervals[field]) for field in FIELDS}
    found = [mistake for document in zip(golds, parsed, notes, strict=True) for mistake in mistakes_of(*document)]
    answered = sum(len(outcome[field].answer) for outcome in outcomes for field in FIELDS)
    in_gold = sum(len(outcome[field].gold) for outcome in outcomes for field in FIELDS)
    missing = sum(outcome[field].counts[2] for outcome in outcomes for field in FIELDS)
    return ScoreReport(
        samples=len(rows),
        macro_f1=point[0],
        macro_f1_interval=Interval.of(spread[0]),
        micro_f1=point[1],
        micro_f1_interval=Interval.of(spread[1]),
        record_exact=point[2],
        record_exact_interval=Interval.of(spread[2]),
        macro_strict=sum(field.strict for field in fields.values()) / len(FIELDS),
        json_valid=sum(answer.is_valid for answer in parsed) / len(parsed),
        ungrounded_rate=share(sum(sum(document.values()) for document in ungrounded), answered),
        omission_rate=share(missing, in_gold),
        fields=fields,
        mistakes=_tally(mistake.kind for mistake in found),
        mistakes_by_field={field: _tally(m.kind for m in found if m.field == field) for field in FIELDS},
    )


def _ungrounded(answer: ParsedAnswer, note: str) -> dict[Field, int]:
    record = answer.record or record_of({})
    return {
        field: sum(not is_grounded(field, item, note) for item in canonical_items(field, record[field]))
        for field in FIELDS
    }


def _field_score(
    field: Field, outcomes: Sequence[Outcome], ungrounded: Sequence[dict[Field, int]], ends: tuple[float, float]
) -> FieldScore:
    column = [outcome[field] for outcome in outcomes]
    agreed, spurious, missing = summed([outcome.counts for outcome in column])
    return FieldScore(
        precision=share(agreed, agreed + spurious, if_none=float(not missing)),
        recall=share(agreed, agreed + missing, if_none=float(not spurious)),
        f1=f1(agreed, spurious, missing),
        f1_interval=Interval.of(ends),
        strict=sum(outcome.is_strict for outcome in column) / len(column),
        exact=sum(outcome.gold == outcome.answer for outcome in column) / len(column),
        nulls=_null_confusion(column),
        ungrounded_rate=share(sum(document[field] for document in ungrounded), agreed + spurious),
        omission_rate=share(missing, agreed + missing),
    )


def _null_confusion(column: Sequence[FieldOutcome]) -> NullConfusion:
    cells = Counter((bool(outcome.gold), bool(outcome.answer)) for outcome in column)
    return NullConfusion(
        both_null=cells[False, False],
        hallucinated=cells[False, True],
        omitted=cells[True, False],
        both_valued=cells[True, True],
    )


def _tally(kinds: Iterable[MistakeKind]) -> dict[MistakeKind, int]:
    counted = Counter(kinds)
    return {kind: counted[kind] for kind in MistakeKind}
