"""How much better one run's model scores than another's on the same notes, or why that cannot be said."""

from __future__ import annotations

from dataclasses import dataclass

from slm_core.records import Gain, Metrics

from extraction.comparison import compare_counts
from extraction.outcomes import NoteOutcomes

NO_COUNTS = "one of the two archives does not tell the counts of each note"
OTHER_NOTES = "the two were measured on different notes, so their difference says nothing"


@dataclass(frozen=True)
class Measured:
    """What was measured of a run's model: its scores, and the counts of each note."""

    metrics: Metrics
    outcomes: NoteOutcomes | None


@dataclass(frozen=True)
class Pairing:
    """The paired differences, or the reason why there are none."""

    gain: Gain | None
    why_not: str | None = None


def pair(now: Measured, earlier: Measured) -> Pairing:
    """Return how much better the one scores than the earlier one, note by note."""
    measured = [(one.metrics.validation_sha256, one.metrics.after.samples) for one in (now, earlier)]
    if measured[0] != measured[1]:
        return Pairing(None, OTHER_NOTES)
    counts, others = now.outcomes, earlier.outcomes
    if counts is None or others is None or counts.columns != others.columns:
        return Pairing(None, NO_COUNTS)
    compared = compare_counts(counts.after, others.after)
    return Pairing(Gain.model_validate(compared.model_dump(include=set(Gain.model_fields))))
