"""Judges a dataset by the quality gates, after proving that its files are what the generator writes today.

The gates look at spans and cases, which records do not carry: the notes are generated anew from the manifest's seed and
sizes, and their bytes must be those of the files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich.console import Console
from rich.table import Table
from slm_core.layout import MANIFEST_NAME
from slm_core.records import sha256_of

from casebook import GENERATOR_VERSION
from casebook.catalogue import catalogue
from casebook.gates import Gate
from casebook.generate import SPLITS, Counts, Manifest, Progress, write_notes
from casebook.note import Note
from fine_tune_slm.errors import DatasetStaleError


def notes_of(directory: Path, progress: Progress | None = None) -> dict[str, list[Note]]:
    """Return the notes behind the files of a generated dataset.

    Raises: DatasetStaleError when a file is empty, or not byte for byte what the generator writes for its manifest.
    """
    manifest = _manifest(directory)
    if manifest.generator_version != GENERATOR_VERSION or manifest.config_sha256 != catalogue().digest:
        raise DatasetStaleError("The dataset was written by another version of the generator or of its data files")
    for name, entry in manifest.files.items():
        if _digest(directory / name) != entry.sha256:
            raise DatasetStaleError(f"{name} is not the file that the manifest lists")
    sizes = {split: manifest.files[f"{split}.jsonl"].records for split in SPLITS}
    if empty := [f"{split}.jsonl" for split in SPLITS if sizes[split] < 1]:
        raise DatasetStaleError(f"There is nothing to measure: {', '.join(empty)} without records")
    notes = write_notes(manifest.seed, Counts(**sizes), progress)
    for split in SPLITS:
        content = "".join(f"{note.record.json_line()}\n" for note in notes[split])
        if hashlib.sha256(content.encode()).hexdigest() != manifest.files[f"{split}.jsonl"].sha256:
            raise DatasetStaleError(f"{split}.jsonl is not what the generator writes with seed {manifest.seed}")
    return notes


def _manifest(directory: Path) -> Manifest:
    try:
        manifest = Manifest.model_validate_json((directory / MANIFEST_NAME).read_bytes())
    except OSError as error:
        raise DatasetStaleError(f"{MANIFEST_NAME} cannot be read: {error.strerror}") from error
    except ValidationError:
        raise DatasetStaleError(f"{MANIFEST_NAME} is no manifest of the generator") from None
    if manifest.files.keys() != {f"{split}.jsonl" for split in SPLITS}:
        raise DatasetStaleError(f"{MANIFEST_NAME} does not list the three files that the generator writes")
    return manifest


def _digest(path: Path) -> str:
    try:
        return sha256_of(path)
    except OSError as error:
        raise DatasetStaleError(f"{path.name} cannot be read: {error.strerror}") from error


def show_gates(gates: Sequence[Gate], console: Console) -> None:
    """Print a row for each gate: value, bound, and whether it passes."""
    table = Table(box=None, pad_edge=False, header_style="", padding=(0, 2, 0, 0))
    table.add_column("gate")
    table.add_column("value", justify="right")
    table.add_column("bound", justify="right")
    table.add_column("")
    for gate in gates:
        verdict = "[green]pass[/green]" if gate.passes else "[bold red]FAIL[/bold red]"
        table.add_row(gate.name, f"{gate.value:.4g}", f"{'>=' if gate.is_minimum else '<='} {gate.bound:g}", verdict)
    console.print(table)
    failed = sum(not gate.passes for gate in gates)
    console.print(f"\n{len(gates) - failed} of {len(gates)} gates pass.", highlight=False)


def gates_as_json(gates: Sequence[Gate]) -> list[dict[str, Any]]:
    """Return the gates for machines."""
    return [
        {
            "name": gate.name,
            "value": gate.value,
            "bound": gate.bound,
            "is_minimum": gate.is_minimum,
            "passes": gate.passes,
        }
        for gate in gates
    ]
