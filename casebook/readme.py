"""Writes the dataset card from the notes themselves, so that its figures cannot grow old."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from string import Template

from casebook.note import Note
from extraction.schema import FIELDS, Field

_TEMPLATE = Path(__file__).with_name("data") / "dataset_card.md"
_LENGTH_BOUNDS = (0, 40, 75, 150, 1_000_000)


def dataset_card(notes: dict[str, list[Note]], seed: int) -> str:
    """Return the dataset card for these notes."""
    train = notes["train"]
    entities = Counter(note.case.entity.label for note in train)
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        seed=seed,
        counts="\n".join(_length_row(f"{split}.jsonl", found) for split, found in notes.items()),
        train_records=len(train),
        different_labels=len({note.record.output for note in train}),
        lined=_percent(sum("\n" in note.record.input for note in train), len(train)),
        fields="\n".join(_field_row(train, field) for field in FIELDS),
        entity_count=len(entities),
        entities=_shares(entities, len(train)),
        genres=_shares(Counter(note.genre.replace("_", " ") for note in train), len(train)),
        distractors=_shares(
            Counter(kind.replace("_", " ") for note in train for kind in set(note.distractors)), len(train)
        ),
        any_distractor=_percent(sum(bool(note.distractors) for note in train), len(train)),
        many_distractors=_percent(sum(len(note.distractors) >= 3 for note in train), len(train)),
        held_out=_percent(sum(note.uses_held_out_frame for note in notes["validation"]), len(notes["validation"])),
    )


def _length_row(name: str, notes: list[Note]) -> str:
    lengths = [len(note.record.input.split()) for note in notes] or [0]
    classes = (
        _percent(sum(low <= length < high for length in lengths), len(notes)) for low, high in pairwise(_LENGTH_BOUNDS)
    )
    words = f"{mean(lengths):.0f}, {median(lengths):.0f}, {max(lengths)}"
    return f"| `{name}` | {len(notes)} | {words} | {' / '.join(classes)} |"


def _field_row(notes: list[Note], field: Field) -> str:
    values = [getattr(note.record.output, field) for note in notes]
    items = Counter(item for value in values if value is not None for item in value.split("; "))
    commonest = min(items.items(), key=lambda pair: (-pair[1], pair[0]), default=("-", 0))
    null = f"{values.count(None) / max(1, len(values)):.1%}"
    return f"| {field} | {null} | {len(items)} | {commonest[0]} ({_percent(commonest[1], len(notes))}) |"


def _percent(part: int, whole: int) -> str:
    return f"{part / max(1, whole):.0%}"


def _shares(counts: Counter[str], total: int) -> str:
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{name} {count / max(1, total):.1%}" for name, count in ordered)
