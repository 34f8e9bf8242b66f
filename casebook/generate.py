"""Writes the whole dataset to a directory: train, validation, challenge, provenance, manifest.

The same seed gives the same bytes on every machine. A case's key decides its split, so no key is in two of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from casebook import GENERATOR_VERSION
from casebook.case import Case
from casebook.catalogue import catalogue
from casebook.course import problems
from casebook.draw import draw_case
from casebook.note import Edition, Note, write_note
from casebook.readme import dataset_card
from casebook.streams import digest_fraction
from casebook.verify import faults

DEFAULT_SEED = 20260101
SPLITS = ("train", "validation", "challenge")
_ATTEMPTS = 3
Progress = Callable[[int, int], None]


class FileEntry(BaseModel):
    """A file of the dataset: how many records and which bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    records: int


class Manifest(BaseModel):
    """What was generated, by which generator from which data files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    generator_version: str
    config_sha256: str
    seed: int
    synthetic: Literal[True] = True
    files: dict[str, FileEntry]


@dataclass(frozen=True)
class Counts:
    """How many records each split should have."""

    train: int = 4500
    validation: int = 500
    challenge: int = 400

    def of(self, split: str) -> int:
        """Return the number of records of a split."""
        return int(getattr(self, split))


def generate(  # noqa: PLR0913 - the contract with the command line, all keywords but one
    output: Path, *, seed: int = DEFAULT_SEED, train: int = 4500, validation: int = 500, challenge: int = 400,
    provenance: bool = False, progress: Progress | None = None,
) -> Manifest:  # fmt: skip
    """Write the dataset below `output` and return its manifest; `provenance` adds the files of spans and rules."""
    notes = write_notes(seed, Counts(train, validation, challenge), progress)
    output.mkdir(parents=True, exist_ok=True)
    files: dict[str, FileEntry] = {}
    for split in SPLITS:
        files[f"{split}.jsonl"] = _write(output / f"{split}.jsonl", [note.record.json_line() for note in notes[split]])
        if provenance:
            _write(output / "provenance" / f"{split}.jsonl", [provenance_line(note) for note in notes[split]])
    manifest = Manifest(generator_version=GENERATOR_VERSION, config_sha256=catalogue().digest, seed=seed, files=files)
    text = json.dumps(manifest.model_dump(), indent=2, ensure_ascii=False) + "\n"
    (output / "manifest.json").write_text(text, encoding="utf-8", newline="\n")
    (output / "README.md").write_text(dataset_card(notes, seed), encoding="utf-8", newline="\n")
    return manifest


def write_notes(seed: int, counts: Counts, progress: Progress | None = None) -> dict[str, list[Note]]:
    """Return the notes of each split, every one of them verified and none of them twice."""
    notes: dict[str, list[Note]] = {split: [] for split in SPLITS}
    seen: set[str] = set()
    total = sum(counts.of(split) for split in SPLITS)
    for case in cases(seed):
        split = split_of(case)
        if len(notes[split]) >= counts.of(split):
            if all(len(notes[name]) >= counts.of(name) for name in SPLITS):
                return notes
            continue
        note = sound_note(case, Edition(seed, split, catalogue()), seen)
        if note is None:
            continue
        seen.add(note.record.input)
        notes[split].append(note)
        if progress is not None:
            progress(sum(map(len, notes.values())), total)
    return notes


def cases(seed: int) -> Iterator[Case]:
    """Yield the cases of a seed that are clinically sound, without end."""
    number = 0
    while True:
        case = draw_case(number, seed, catalogue())
        if not problems(case):
            yield case
        number += 1


def split_of(case: Case) -> str:
    """Return the split that a case belongs to, whatever the seed and the sizes."""
    place = digest_fraction("split", case.key)
    return "validation" if place < 0.11 else "challenge" if place < 0.20 else "train"


def sound_note(case: Case, edition: Edition, seen: set[str]) -> Note | None:
    """Return the note of a case that has no fault and is none of those seen, or None when no attempt gives one."""
    for attempt in range(_ATTEMPTS):
        note = write_note(case, edition, attempt)
        if note.record.input not in seen and not faults(note):
            return note
    return None


def provenance_of(note: Note) -> dict[str, object]:
    """Return where each label item and each distractor of a note stands; spans are start, end and tag."""
    return {
        "case": note.case.number,
        "entity": note.case.entity.code,
        "genre": note.genre,
        "distractors": note.distractors,
        "held_out_frame": note.uses_held_out_frame,
        "spans": [[span.start, span.end, span.tag] for span in note.spans],
    }


def provenance_line(note: Note) -> str:
    """Return a note's provenance as one line of JSON."""
    return json.dumps(provenance_of(note), ensure_ascii=False, separators=(",", ":"))


def _write(path: Path, lines: list[str]) -> FileEntry:
    content = "".join(f"{line}\n" for line in lines).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return FileEntry(sha256=hashlib.sha256(content).hexdigest(), records=len(lines))
