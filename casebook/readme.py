"""Writes the dataset card from the notes themselves, so that its figures cannot grow old."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from string import Template

from casebook.note import Note
from extraction.schema import FIELDS

_TEMPLATE = Path(__file__).with_name("data") / "dataset_card.md"


def dataset_card(notes: dict[str, list[Note]], seed: int) -> str:
    """Return the dataset card for these notes."""
    train = notes["train"]
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        seed=seed,
        counts="\n".join(
            f"| `{split}.jsonl` | {len(found)} | {_mean_words(found):.0f} |" for split, found in notes.items()
        ),
        nulls="\n".join(f"| {field} | {_null_share(train, field):.1%} |" for field in FIELDS),
        entities=_shares(Counter(note.case.entity.label for note in train), len(train)),
        genres=_shares(Counter(note.genre.replace("_", " ") for note in train), len(train)),
        distractors=_shares(Counter(kind.replace("_", " ") for note in train for kind in note.distractors), len(train)),
        any_distractor=f"{sum(bool(note.distractors) for note in train) / max(1, len(train)):.0%}",
        held_out=f"{_held_out_share(notes['validation']):.0%}",
    )


def _mean_words(notes: list[Note]) -> float:
    return sum(len(note.record.input.split()) for note in notes) / max(1, len(notes))


def _null_share(notes: list[Note], field: str) -> float:
    return sum(getattr(note.record.output, field) is None for note in notes) / max(1, len(notes))


def _held_out_share(notes: list[Note]) -> float:
    return sum(note.uses_held_out_frame for note in notes) / max(1, len(notes))


def _shares(counts: Counter[str], total: int) -> str:
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return ", ".join(f"{name} {count / max(1, total):.1%}" for name, count in ordered)
