"""Says what is wrong with a dataset before anything is uploaded: by file and line, never by its text.

It reads whole files, because what is checked is what is uploaded; `dataset_inspection` takes files of any size.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError
from slm_core.layout import DATASET_FILES, MANIFEST_NAME
from slm_core.records import DatasetManifest, dataset_digest
from slm_core.training_config import problems

from extraction.schema import DatasetRecord
from fine_tune_slm.jsonl import MAX_LINE_BYTES, Finding, parse_json
from fine_tune_slm.record_problems import record_problems

REQUIRED_FILES = ("train.jsonl", "validation.jsonl")
_REWRITE = "Write the manifest again from the files as they are"
FileFacts = tuple[str, int]


@dataclass(frozen=True)
class CheckedFile:
    """One file of the dataset, read once: what is checked is what is uploaded."""

    name: str
    content: bytes
    records: int = 0
    problems: tuple[Finding, ...] = ()
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
    problems: tuple[Finding, ...]

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
        Finding(name, None, "the file is missing", "A dataset needs train.jsonl, validation.jsonl and manifest.json")
        for name in REQUIRED_FILES
        if not (directory / name).is_file()
    ]
    manifest, manifest_problems = _check_manifest(directory / MANIFEST_NAME, files)
    in_lines = [problem for file in files for problem in file.problems]
    return CheckedDataset(files, manifest, (*missing, *in_lines, *_leaks(files), *manifest_problems))


def check_lines(name: str, content: bytes) -> CheckedFile:
    """Return one checked JSONL file: every line must be a record of the schema."""
    found: list[Finding] = []
    notes: dict[str, int] = {}
    lines = content.split(b"\n")
    if lines[-1] == b"":
        lines.pop()
    for number, line in enumerate(lines, start=1):
        try:
            record = DatasetRecord.model_validate(parse_json(line))
        except ValueError as error:  # pydantic's errors are ValueErrors
            what = record_problems(error) if isinstance(error, ValidationError) else str(error)
            found.append(Finding(name, number, what, "Correct or remove this line"))
        else:
            notes.setdefault(hashlib.sha256(record.input.encode()).hexdigest(), number)
    if not lines:
        found.append(Finding(name, None, "the file is empty", "Write at least one record"))
    return CheckedFile(name, content, len(lines), tuple(found), notes)


def _leaks(files: tuple[CheckedFile, ...]) -> Iterator[Finding]:
    """Yield every note of an evaluation file that is also trained on: its score would mean nothing."""
    training = next((file for file in files if file.name == "train.jsonl"), None)
    if training is None:
        return
    for file in files:
        if file is not training:
            for digest in file.notes.keys() & training.notes.keys():
                where = f"the same note is line {training.notes[digest]} of {training.name}"
                yield Finding(file.name, file.notes[digest], where, "Keep a note in one file only")


def manifest_findings(path: Path, files: Mapping[str, FileFacts]) -> list[Finding]:
    """Return what is wrong with a manifest, given the SHA-256 and the number of records of each file beside it."""
    if not path.is_file():
        return [Finding(path.name, None, "the file is missing", "A published dataset carries one beside its files")]
    try:
        if path.stat().st_size > MAX_LINE_BYTES:
            return [Finding(path.name, None, f"it is larger than {MAX_LINE_BYTES} bytes", _REWRITE)]
        manifest = DatasetManifest.model_validate(parse_json(path.read_bytes()))
    except OSError as error:
        return [Finding(path.name, None, f"it cannot be read ({error.strerror})", "Check its permissions")]
    except ValueError as error:
        what = problems(error) if isinstance(error, ValidationError) else str(error)
        return [Finding(path.name, None, what, _REWRITE)]
    return [Finding(name, None, what, _REWRITE) for name, what in _differences(manifest, files)]


def _check_manifest(path: Path, files: tuple[CheckedFile, ...]) -> tuple[CheckedFile | None, list[Finding]]:
    found = manifest_findings(path, {file.name: (file.sha256, file.records) for file in files})
    return (CheckedFile(path.name, path.read_bytes()) if path.is_file() else None), found


def _differences(manifest: DatasetManifest, files: Mapping[str, FileFacts]) -> Iterator[tuple[str, str]]:
    for name in sorted(manifest.files.keys() - files.keys()):
        # a manifest that was written by hand can name anything; only a file's plain name is repeated
        told = name if name.isprintable() and len(name) < 100 else "(a file)"
        yield told, "named in the manifest but not there"
    for name, (sha256, records) in files.items():
        listed = manifest.files.get(name)
        if listed is None:
            yield name, "not named in the manifest"
        elif listed.sha256 != sha256:
            yield name, "its SHA-256 is not the one in the manifest"
        elif listed.records != records:
            yield name, f"it has {records} records, the manifest says {listed.records}"
