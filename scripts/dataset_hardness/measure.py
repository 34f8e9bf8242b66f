"""Reads notes, scores answers as sets of canonical items and holds each baseline against its bound.

The score is the metric's macro-F1 (`extraction.scores`) on item sets, since baselines answer in items and not in prose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from extraction.canonical import canonical_items
from extraction.schema import FIELDS, DatasetRecord, ExtractionRecord, Field

Items = dict[Field, frozenset[str]]


@dataclass(frozen=True)
class Labelled:
    """A note with the canonical items of its labels."""

    note: str
    items: Items


@dataclass(frozen=True)
class Verdict:
    """How well a baseline does, which bound it must not pass, and its score by field."""

    baseline: str
    macro_f1: float
    bound: float
    by_field: dict[Field, float]
    records_exact: float

    @property
    def passes(self) -> bool:
        """Return True when the dataset is hard enough for this baseline."""
        return self.macro_f1 <= self.bound


Baseline = Callable[[Sequence[Labelled], Sequence[str]], list[Items]]


def read(path: Path) -> list[Labelled]:
    """Return the notes of a JSONL file of this project's schema.

    Raises: ValidationError when a line breaks the schema.
    """
    with path.open(encoding="utf-8") as lines:
        records = [DatasetRecord.model_validate_json(line) for line in lines if line.strip()]
    return [Labelled(record.input, items_of(record.output)) for record in records]


def items_of(record: ExtractionRecord) -> Items:
    """Return the canonical items of each field of a record."""
    return {field: frozenset(canonical_items(field, getattr(record, field))) for field in FIELDS}


def judge(name: str, bound: float, golds: Sequence[Items], answers: Sequence[Items]) -> Verdict:
    """Return the verdict on a baseline's answers.

    Raises: ValueError when there are not as many answers as notes.
    """
    by_field = {field: f1(field, golds, answers) for field in FIELDS}
    exact = sum(gold == answer for gold, answer in zip(golds, answers, strict=True)) / max(1, len(golds))
    return Verdict(name, sum(by_field.values()) / len(FIELDS), bound, by_field, exact)


def f1(field: Field, golds: Iterable[Items], answers: Iterable[Items]) -> float:
    """Return the item-level F1 of one field, pooled over notes; 1 where nobody says anything."""
    agreed = said = wanted = 0
    for gold, answer in zip(golds, answers, strict=True):
        agreed += len(gold[field] & answer[field])
        said += len(answer[field])
        wanted += len(gold[field])
    return 2 * agreed / (said + wanted) if said + wanted else 1.0
