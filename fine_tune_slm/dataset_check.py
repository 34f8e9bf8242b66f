"""Says what is wrong with a dataset before anything is uploaded: by file and line, never by its text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from slm_core.layout import DATASET_FILES, MANIFEST_NAME
from slm_core.records import DatasetManifest, dataset_digest
from slm_core.training_config import problems

from extraction.schema import DatasetRecord
from fine_tune_slm.errors import DatasetRefusedError

REQUIRED_FILES = ("train.jsonl", "validation.jsonl")


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, where it is, and what to do about it."""

    file: str
    line: int | None
    what: str
    remedy: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.what}. {self.remedy}"


@dataclass(frozen=True)
class CheckedFile:
    """One file of the dataset, read once: what is checked is what is uploaded."""

    name: str
    content: bytes
    records: int = 0
    problems: tuple[Problem, ...] = ()
    notes: dict[str, int] = field(default_factory=dict)
    """Digest of each note -> its first line."""

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class CheckedDataset:
    """A dataset directory and everything that is wrong with it."""

    files: tuple[CheckedFile, ...]
    manifest: CheckedFile | None
    problems: tuple[Problem, ...]

    @property
    def digest(self) -> str:
        """Return the dataset's name: the digest over the names and SHA-256 of the files that its manifest lists."""
        return dataset_digest({file.name: file.sha256 for file in self.files})


def check_dataset(directory: Path) -> CheckedDataset:
    """Return the checked dataset in a directory; its problems are in the order of files and lines."""
    files = tuple(
        check_lines(name, (directory / name).read_bytes()) for name in DATASET_FILES if (directory / name).is_file()
    )
    missing = [
        Problem(name, None, "the file is missing", "A dataset needs train.jsonl, validation.jsonl and manifest.json")
        for name in REQUIRED_FILES
        if not (directory / name).is_file()
    ]
    manifest, manifest_problems = _check_manifest(directory / MANIFEST_NAME, files)
    in_lines = [problem for file in files for problem in file.problems]
    return CheckedDataset(files, manifest, (*missing, *in_lines, *_leaks(files), *manifest_problems))


def check_file(path: Path) -> CheckedFile:
    """Return one checked JSONL file.

    Raises: DatasetRefusedError when it cannot be read.
    """
    try:
        return check_lines(path.name, path.read_bytes())
    except OSError as error:
        raise DatasetRefusedError(f"{path.name} cannot be read: {error.strerror}") from error


def check_lines(name: str, content: bytes) -> CheckedFile:
    """Return one checked JSONL file: every line must be a record of the schema."""
    found: list[Problem] = []
    notes: dict[str, int] = {}
    lines = content.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    for number, line in enumerate(lines, start=1):
        try:
            record = _parse_line(line)
        except ValueError as error:  # pydantic's and json's errors are ValueErrors
            found.append(Problem(name, number, _reason(error), "Correct or remove this line"))
        else:
            notes.setdefault(hashlib.sha256(record.input.encode()).hexdigest(), number)
    if not lines:
        found.append(Problem(name, None, "the file is empty", "Write at least one record"))
    return CheckedFile(name, content, len(lines), tuple(found), notes)


def _parse_line(line: bytes) -> DatasetRecord:
    try:
        return DatasetRecord.model_validate(json.loads(line.decode("utf-8"), object_pairs_hook=_unique_keys))
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) < len(pairs):
        raise ValueError("a key appears twice")
    return dict(pairs)


def _reason(error: ValueError) -> str:
    """Return why a line was refused, without a piece of the line."""
    if isinstance(error, ValidationError):
        return problems(error)
    if isinstance(error, json.JSONDecodeError):
        return f"no valid JSON ({error.msg} at column {error.colno})"
    if isinstance(error, UnicodeDecodeError):
        return f"no valid UTF-8 (byte {error.start + 1} of the line)"
    return str(error)


def _leaks(files: tuple[CheckedFile, ...]) -> Iterator[Problem]:
    """Yield every note of an evaluation file that is also trained on: its score would mean nothing."""
    training = next((file for file in files if file.name == "train.jsonl"), None)
    if training is None:
        return
    for file in files:
        if file is not training:
            for digest in file.notes.keys() & training.notes.keys():
                where = f"the same note is line {training.notes[digest]} of {training.name}"
                yield Problem(file.name, file.notes[digest], where, "Keep a note in one file only")


def _check_manifest(path: Path, files: tuple[CheckedFile, ...]) -> tuple[CheckedFile | None, list[Problem]]:
    rewrite = "Write the manifest again from the files as they are"
    if not path.is_file():
        return None, [Problem(path.name, None, "the file is missing", "A dataset carries one beside its files")]
    content = path.read_bytes()
    try:
        manifest = DatasetManifest.model_validate(json.loads(content))
    except ValueError as error:
        return None, [Problem(path.name, None, _reason(error), rewrite)]
    wrong = [Problem(name, None, what, rewrite) for name, what in _differences(manifest, files)]
    return CheckedFile(path.name, content), wrong


def _differences(manifest: DatasetManifest, files: tuple[CheckedFile, ...]) -> Iterator[tuple[str, str]]:
    present = {file.name: file for file in files}
    for name in sorted(manifest.files.keys() - present.keys()):
        yield name, "named in the manifest but not there"
    for name, file in present.items():
        listed = manifest.files.get(name)
        if listed is None:
            yield name, "not named in the manifest"
        elif listed.sha256 != file.sha256:
            yield name, "its SHA-256 is not the one in the manifest"
        elif listed.records != file.records:
            yield name, f"it has {file.records} records, the manifest says {listed.records}"
