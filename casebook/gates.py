"""The quality gates: figures of soundness, leakage, variety and balance with the bounds that a dataset must keep.

Every figure is computed from finished notes; the masked ones replace each tagged slot, because slot filling alone
makes plain figures look varied.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from casebook.catalogue import catalogue
from casebook.course import problems
from casebook.coverage import code_coverage
from casebook.fill import LENGTH_SHARES
from casebook.labels import Tag
from casebook.measures import (
    coverage,
    distinct,
    masked,
    msttr,
    nearest_jaccard,
    self_bleu,
    skeletons,
    vocabulary_of,
    words,
)
from casebook.note import Note
from casebook.verify import faults
from extraction.canonical import canonical_items
from extraction.schema import FIELDS, DatasetRecord

_SAMPLE = 500
_UNGROUNDED = ("is not grounded", "is not what its text says", "has an item that the note does not support")
_LEAKED = ("is in the label",)
_UNREAD = ("does not survive the canonical form", "the labels are not those of the spans")


@dataclass(frozen=True)
class Gate:
    """One figure with its bound."""

    name: str
    value: float
    bound: float
    is_minimum: bool = False

    @property
    def passes(self) -> bool:
        """Return True when the value keeps the bound."""
        return self.value >= self.bound if self.is_minimum else self.value <= self.bound


class EmptySplitError(ValueError):
    """The training or the validation split has no notes: there is nothing to measure."""


at_least = partial(Gate, is_minimum=True)


def measure(notes: dict[str, list[Note]]) -> list[Gate]:
    """Return every gate for a generated dataset.

    Raises: EmptySplitError.
    """
    train, validation = notes["train"], notes["validation"]
    if not train or not validation:
        raise EmptySplitError("The gates need at least one training and one validation note")
    every = [note for found in notes.values() for note in found]
    return [
        *_soundness(every),
        *_separation(every, notes),
        *_leakage(train, validation),
        *_variety(train[:_SAMPLE]),
        *_masked(train[:_SAMPLE]),
        *_breadth(train),
        *_balance(train),
    ]


def _soundness(every: list[Note]) -> list[Gate]:
    found = [faults(note) for note in every]

    def with_any(endings: tuple[str, ...]) -> int:
        return sum(any(fault.endswith(endings) for fault in faulty) for faulty in found)

    clinical = [problems(note.case) for note in every]
    known = (*_UNGROUNDED, *_LEAKED, *_UNREAD)
    other = sum(
        any(not fault.endswith(known) and fault not in clinical[place] for fault in faulty)
        for place, faulty in enumerate(found)
    )
    trips = sum(not survives_round_trip(note) for note in every)
    return [
        Gate("notes whose label does not survive schema and canonical form", trips + with_any(_UNREAD), 0),
        Gate("notes with a label item neither grounded nor by a named rule", with_any(_UNGROUNDED), 0),
        Gate("notes with a distractor in a label", with_any(_LEAKED), 0),
        Gate("cases with a clinical problem", sum(map(bool, clinical)), 0),
        Gate("notes with another fault", other, 0),
    ]


def survives_round_trip(note: Note) -> bool:
    """Return True when the record reads back as itself and its labels mean, to the metric, what was rendered."""
    if DatasetRecord.model_validate_json(note.record.json_line()) != note.record:
        return False
    tags = [Tag.parse(span.tag) for span in note.spans if not span.tag.startswith("!")]
    for field in FIELDS:
        if field in {"stage", "response"}:
            continue  # the last or most exact statement holds; `verify` proves those
        mine = sorted((tag for tag in tags if tag.field == field), key=lambda tag: tag.order)
        rendered = "; ".join(tag.label for tag in mine) or None
        if canonical_items(field, getattr(note.record.output, field)) != canonical_items(field, rendered):
            return False
    return True


def _separation(every: list[Note], notes: dict[str, list[Note]]) -> list[Gate]:
    keys = {split: {note.case.key for note in found} for split, found in notes.items()}
    shared = len(keys["train"] & keys["validation"]) + len((keys["train"] | keys["validation"]) & keys["challenge"])
    return [
        Gate("duplicate notes", len(every) - len({note.record.input for note in every}), 0),
        Gate("case keys shared between splits", shared, 0),
    ]


def _leakage(train: list[Note], validation: list[Note]) -> list[Gate]:
    train_tokens = [words(note.record.input) for note in train]
    validation_tokens = [words(note.record.input) for note in validation]
    nearest = sorted(nearest_jaccard(validation_tokens, train_tokens))
    outputs = {note.record.output for note in train}
    return [
        Gate("3-gram Jaccard validation -> train, 95th percentile", nearest[int(0.95 * len(nearest))], 0.30),
        Gate("3-gram Jaccard validation -> train, maximum", nearest[-1], 0.50),
        Gate("8-gram coverage of validation by train", coverage(validation_tokens, train_tokens, 8), 0.20),
        Gate("13-gram coverage of validation by train", coverage(validation_tokens, train_tokens, 13), 0.03),
        Gate("validation outputs seen in train", share(validation, lambda note: note.record.output in outputs), 0.05),
    ]


def _variety(sample: list[Note]) -> list[Gate]:
    texts = [note.record.input for note in sample]
    tokens = [words(text) for text in texts]
    joined = "\n".join(texts).encode()
    return [
        at_least("distinct-2", distinct(tokens, 2), 0.30),
        at_least("distinct-3", distinct(tokens, 3), 0.55),
        at_least("distinct-4", distinct(tokens, 4), 0.70),
        Gate("self-BLEU-4", self_bleu(tokens), 65.0),
        Gate("zlib ratio", len(joined) / max(1, len(zlib.compress(joined, 9))), 4.3),
        at_least("MSTTR-100", msttr(tokens), 0.80),
    ]


def _masked(sample: list[Note]) -> list[Gate]:
    texts = [masked(note) for note in sample]
    found = skeletons(texts)
    total = max(1, len(found))
    commonest = max(Counter(found).values(), default=0) / total
    return [
        at_least("masked distinct-4", distinct([words(text) for text in texts], 4), 0.50),
        at_least("distinct masked sentence skeletons", len(set(found)) / total, 0.80),
        Gate("commonest masked skeleton", commonest, 0.003),
    ]


def _breadth(train: list[Note]) -> list[Gate]:
    return [
        at_least("vocabulary of train", len(vocabulary_of(words(note.record.input) for note in train)), 5000),
        at_least("codes of the vocabulary that train uses often enough", code_coverage(train).share, 0.95),
    ]


def _balance(train: list[Note]) -> list[Gate]:
    lengths = [len(note.record.input.split()) for note in train]
    off = max(
        abs(sum(low <= length < high for length in lengths) / max(1, len(train)) - wanted)
        for (low, high), wanted in LENGTH_SHARES.items()
    )
    return [
        at_least("notes with a distractor", share(train, lambda note: bool(note.distractors)), 0.55),
        at_least("notes with three distractors", share(train, lambda note: len(note.distractors) > 2), 0.15),
        at_least("notes with several lines", share(train, lambda note: "\n" in note.record.input), 0.25),
        Gate("share of a length class off its target", off, 0.05),
        Gate("share of a genre off its target", _genres_off(train), 0.03),
    ]


def _genres_off(train: list[Note]) -> float:
    """Return how far the share of the worst genre is from what genres.yml says."""
    laws = {name: law["share"] for name, law in catalogue().genres.items() if "train" in law.get("splits", ["train"])}
    total = sum(laws.values())
    counts = Counter(note.genre for note in train)
    return max(abs(counts[name] / max(1, len(train)) - wanted / total) for name, wanted in laws.items())


def share(notes: Sequence[Note], holds: Callable[[Note], bool]) -> float:
    """Return the share of the notes for which something holds."""
    return sum(map(holds, notes)) / max(1, len(notes))
