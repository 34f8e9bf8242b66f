"""How much better one set of answers is than another on the same notes, paired: both meet the same resampled notes."""

from __future__ import annotations

from collections.abc import Sequence

from extraction.bootstrap import Counts, intervals
from extraction.outcomes import (
    BOOTSTRAPS,
    SEED,
    Frozen,
    Interval,
    note_counts,
    require_equal_lengths,
    statistics,
    summed,
)
from extraction.schema import FIELDS, ExtractionRecord, Field


class Difference(Frozen):
    """First minus second, with its 95 % interval over the same resampled documents."""

    difference: float
    interval: Interval


class Comparison(Frozen):
    """How one set of answers differs from another on the same notes."""

    samples: int
    macro_f1: Difference
    micro_f1: Difference
    record_exact: Difference
    fields: dict[Field, Difference]


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
    require_equal_lengths(golds, answers, others)
    return compare_counts(note_counts(golds, answers), note_counts(golds, others), bootstrap, seed)


def compare_counts(
    rows: Sequence[Counts], others: Sequence[Counts], bootstrap: int = BOOTSTRAPS, seed: int = SEED
) -> Comparison:
    """Return how much better the counts of one set of answers are than those of another, note by note.

    Raises: ValueError when they differ in length or are empty.
    """
    require_equal_lengths(rows, others)
    pairs = [(*row, *other) for row, other in zip(rows, others, strict=True)]
    point, spread = _difference(summed(pairs)), intervals(pairs, _difference, bootstrap, seed)
    differences = [
        Difference(difference=value, interval=Interval.of(ends)) for value, ends in zip(point, spread, strict=True)
    ]
    return Comparison(
        samples=len(pairs),
        macro_f1=differences[0],
        micro_f1=differences[1],
        record_exact=differences[2],
        fields=dict(zip(FIELDS, differences[3:], strict=True)),
    )


def _difference(totals: Counts) -> list[float]:
    half = len(totals) // 2
    return [a - b for a, b in zip(statistics(totals[:half]), statistics(totals[half:]), strict=True)]
