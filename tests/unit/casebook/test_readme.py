"""The dataset card says of the notes what can be counted in them."""

from __future__ import annotations

from casebook.generate import Counts, write_notes
from casebook.readme import dataset_card


def test_the_card_counts_the_notes_that_it_describes() -> None:
    notes = write_notes(11, Counts(train=12, validation=4, challenge=2))
    card = dataset_card(notes, 11)
    lengths = [len(note.record.input.split()) for note in notes["train"]]
    assert f"| `train.jsonl` | 12 | {sum(lengths) / 12:.0f}, " in card
    assert f", {max(lengths)} | " in card
    nulls = sum(note.record.output.stage is None for note in notes["train"])
    assert f"| stage | {nulls / 12:.1%} | " in card
    assert "the seed (11)" in card
    assert "$" not in card


def test_a_dataset_without_notes_has_a_card_too() -> None:
    assert "| `train.jsonl` | 0 | 0, 0, 0 |" in dataset_card({"train": [], "validation": [], "challenge": []}, 1)
