"""The dataset as a whole: the same bytes everywhere, disjoint splits, a manifest that tells the truth."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from casebook.catalogue import catalogue
from casebook.generate import split_of
from casebook.note import Note

COMMITTED = Path(__file__).parents[3] / "synthetic-instruction-tuning-dataset"


@pytest.fixture
def notes(sample: dict[str, list[Note]]) -> dict[str, list[Note]]:
    return sample


def test_no_case_key_is_in_two_splits(notes: dict[str, list[Note]]) -> None:
    keys = {split: {note.case.key for note in found} for split, found in notes.items()}
    assert not keys["train"] & keys["validation"]
    assert not (keys["train"] | keys["validation"]) & keys["challenge"]
    assert all(split_of(note.case) == split for split, found in notes.items() for note in found)


def test_no_note_appears_twice(notes: dict[str, list[Note]]) -> None:
    texts = [note.record.input for found in notes.values() for note in found]
    assert len(texts) == len(set(texts))


def test_frames_held_out_for_validation_are_in_no_training_note(notes: dict[str, list[Note]]) -> None:
    assert not any(note.uses_held_out_frame for note in notes["train"])
    assert any(note.uses_held_out_frame for note in notes["validation"])


def test_the_committed_files_are_those_of_their_manifest() -> None:
    manifest = json.loads((COMMITTED / "manifest.json").read_text(encoding="utf-8"))
    assert set(manifest["files"]) == {"train.jsonl", "validation.jsonl", "challenge.jsonl"}
    for name, entry in manifest["files"].items():
        content = (COMMITTED / name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"]
        assert content.count(b"\n") == entry["records"]


def test_the_committed_files_come_from_the_present_data_files() -> None:
    manifest = json.loads((COMMITTED / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["config_sha256"] == catalogue().digest
