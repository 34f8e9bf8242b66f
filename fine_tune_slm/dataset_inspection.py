"""Looks through a dataset of any origin, line by line, and counts what a trainer wants to know of it.

Nothing of a record is kept but digests and counts, so that a file of a gigabyte needs no more than its share of those.
What makes a record unusable is an error; what a person should look at is a warning.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from extraction.canonical import canonical_items
from extraction.conventions import breaches
from extraction.grounding import is_grounded, support
from extraction.schema import FIELDS, INSTRUCTION, DatasetRecord
from extraction.wording import normalised
from fine_tune_slm.jsonl import Finding, Line, parse_json, read_lines
from fine_tune_slm.near_duplicates import SeenNotes
from fine_tune_slm.record_problems import record_problems

MAX_FINDINGS = 1000
_LENGTHS_COUNTED = 100_000
_LONGEST_NOTE_CHARACTERS = 50_000
_CHARACTERS_REMEMBERED = 1 << 23
_CORRECT = "Correct or remove this line"
_LOOK = "Look at note and label"
_INSTRUCT = f'Write "instruction": "{INSTRUCTION}"'


@dataclass(frozen=True)
class InspectionOptions:
    """What an inspection is asked to do."""

    is_strict: bool = False
    count_tokens: Callable[[DatasetRecord], int] | None = None
    max_tokens: int | None = None
    on_bytes: Callable[[int], None] = lambda _count: None


@dataclass
class FileCounts:
    """What was counted in one file; lengths are histograms, so that millions of records stay small."""

    lines: int = 0
    records: int = 0
    nulls: Counter[str] = field(default_factory=Counter)
    words: Counter[int] = field(default_factory=Counter)
    tokens: Counter[int] = field(default_factory=Counter)
    cut: int = 0
    items: int = 0
    ungrounded: int = 0
    without_instruction: int = 0
    other_instruction: int = 0


@dataclass
class Inspection:
    """The findings, the first thousand of them and how many of each severity, and the counts of each file."""

    files: dict[str, FileCounts] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    severities: Counter[str] = field(default_factory=Counter)
    duplicates: int = 0
    near_duplicates: int = 0
    leaks: int = 0

    def add(self, finding: Finding) -> None:
        """Count a finding, and keep it unless there are very many."""
        self.severities[finding.severity] += 1
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(finding)

    def add_all(self, findings: Iterable[Finding]) -> None:
        """Count each of the findings."""
        for finding in findings:
            self.add(finding)


def inspect(paths: dict[str, Path], options: InspectionOptions) -> Inspection:
    """Return what is to be said of the files, each given with the name that findings use."""
    found, seen, places, memory = Inspection(), SeenNotes(), _Places(list(paths)), _Memory()
    for index, (name, path) in enumerate(paths.items()):
        counts = found.files.setdefault(name, FileCounts())
        for number, record in _records(name, path, options, found):
            memory.read(record)
            _count(record, counts, options)
            found.add_all(_doubts(record, counts, (name, number)))
            if seen.add(record.input, record.output.answer()):
                places.add(index, number)
        found.add_all(_of_file(name, counts, options))
    found.add_all(_twins(found, seen, places))
    order = {name: index for index, name in enumerate(paths)}
    found.findings.sort(key=lambda finding: (order[finding.file], finding.line or 0))
    return found


def _records(
    name: str, path: Path, options: InspectionOptions, found: Inspection
) -> Iterator[tuple[int, DatasetRecord]]:
    for line in read_lines(path, name):
        if isinstance(line, Finding):
            found.add(line)
            continue
        found.files[name].lines += 1
        options.on_bytes(len(line.content) + 1)
        if (record := _record(line, name, options.is_strict, found)) is not None:
            yield line.number, record


def _record(line: Line, name: str, is_strict: bool, found: Inspection) -> DatasetRecord | None:
    """Return the record of a line, or None after saying what is wrong with it."""
    try:
        value = parse_json(line.content)
        missing = [] if is_strict else _fill_missing(value)
        record = DatasetRecord.model_validate(value)
    except ValidationError as error:
        found.add(Finding(name, line.number, record_problems(error), _CORRECT))
        return None
    except ValueError as error:
        what = str(error) if line.is_ended else f"the last line is cut off: {error}"
        found.add(Finding(name, line.number, what, _CORRECT))
        return None
    if "instruction" not in record.model_fields_set:
        if is_strict:
            found.add(Finding(name, line.number, "instruction: Field required", _INSTRUCT))
            return None
        found.files[name].without_instruction += 1
    if missing:
        what = f"missing and read as null: {', '.join(missing)}"
        found.add(Finding(name, line.number, what, "Write all seven fields; training needs them", "warning"))
    return record


def _fill_missing(value: Any) -> list[str]:
    """Add null for each field that an output lacks, and return the fields' names."""
    output = value.get("output") if isinstance(value, dict) else None
    if not isinstance(output, dict):
        return []
    missing: list[str] = [name for name in FIELDS if name not in output]
    output.update(dict.fromkeys(missing))
    return missing


def _count(record: DatasetRecord, counts: FileCounts, options: InspectionOptions) -> None:
    counts.records += 1
    counts.nulls.update(name for name in FIELDS if getattr(record.output, name) is None)
    counts.other_instruction += record.instruction != INSTRUCTION
    counts.words[min(len(record.input.split()), _LENGTHS_COUNTED)] += 1
    if options.count_tokens is not None:
        length = options.count_tokens(record)
        counts.tokens[min(length, _LENGTHS_COUNTED)] += 1
        counts.cut += options.max_tokens is not None and length > options.max_tokens


def _doubts(record: DatasetRecord, counts: FileCounts, place: tuple[str, int]) -> Iterator[Finding]:
    if told := _too_long_to_read(record):
        yield Finding(*place, *told, "warning")
        return
    for name, breach in breaches(record.output):
        yield Finding(*place, f"output.{name}: {breach}", "Label as the dataset card says", "warning")
    for name in FIELDS:
        items = canonical_items(name, getattr(record.output, name))
        unsupported = sum(not is_grounded(name, item, record.input) for item in items)
        counts.items += len(items)
        counts.ungrounded += unsupported
        if unsupported:
            what = f"output.{name}: {unsupported} of {len(items)} items without support in the note"
            yield Finding(*place, what, _LOOK, "warning")


def _too_long_to_read(record: DatasetRecord) -> tuple[str, str] | None:
    """Return why the label is not compared with the note, and the remedy: the patterns would take minutes."""
    if len(record.input) > _LONGEST_NOTE_CHARACTERS:
        what = f"the note has more than {_LONGEST_NOTE_CHARACTERS} characters; its label was not looked at"
        return what, "Cut the note where another report begins"
    return None


class _Memory:
    """Empties what the metric keeps of the notes it has read before that grows with the file."""

    def __init__(self) -> None:
        self._characters = 0

    def read(self, record: DatasetRecord) -> None:
        self._characters += len(record.input)
        if self._characters > _CHARACTERS_REMEMBERED:
            self._characters = 0
            support.cache_clear()
            normalised.cache_clear()


def _of_file(name: str, counts: FileCounts, options: InspectionOptions) -> Iterator[Finding]:
    if counts.without_instruction:
        what = f"{counts.without_instruction} of {counts.records} records have no instruction; the project's is read"
        yield Finding(name, None, what, _INSTRUCT, "warning")
    if counts.other_instruction:
        what = f"{counts.other_instruction} of {counts.records} records have another instruction than the project's"
        yield Finding(name, None, what, f"{_INSTRUCT}: the tuned model is asked with it", "warning")
    if counts.cut:
        what = f"{counts.cut} of {counts.records} records are longer than {options.max_tokens} tokens"
        yield Finding(name, None, what, "Shorten them, or raise training.max_seq_length", "warning")


class _Places:
    """Where each remembered note stands, in six bytes."""

    def __init__(self, names: list[str]) -> None:
        self._names = names
        self._files, self._lines = array("H"), array("L")

    def add(self, file: int, line: int) -> None:
        self._files.append(file)
        self._lines.append(line)

    def of(self, note: int) -> tuple[str, int]:
        return self._names[self._files[note]], self._lines[note]


def _twins(found: Inspection, seen: SeenNotes, places: _Places) -> Iterator[Finding]:
    for twin in seen.twins():
        (name, line), (other, other_line) = places.of(twin.note), places.of(twin.earlier)
        is_leak = twin.is_exact and name != other
        found.duplicates += twin.is_exact
        found.near_duplicates += not twin.is_exact
        found.leaks += name != other
        what = f"{'the same note is' if twin.is_exact else 'nearly the same note is'} line {other_line} of {other}"
        what += "" if twin.has_same_label else ", with other labels"
        yield Finding(name, line, what, "Keep a note in one file, once", "error" if is_leak else "warning")
    if seen.is_full:
        what = f"only the first {len(seen)} notes of all files were compared with each other"
        yield Finding(places.of(len(seen) - 1)[0], None, what, "Check the files in parts", "warning")
