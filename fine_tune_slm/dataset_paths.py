"""From what a user names to the JSONL files that are looked through, each with the name that findings use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from slm_core.layout import DATASET_FILES, MANIFEST_NAME
from slm_core.records import sha256_of

from fine_tune_slm.dataset_check import manifest_findings
from fine_tune_slm.dataset_inspection import Inspection
from fine_tune_slm.jsonl import Finding

_CHECK_PATH = "Check the path and its permissions"


def dataset_files(paths: Sequence[Path]) -> tuple[dict[str, Path], list[Finding]]:
    """Return the files below the paths, training file first, and a finding for each path that has none."""
    files: list[Path] = []
    findings = []
    for path in paths:
        try:
            found = _files_of(path)
        except OSError as error:
            findings.append(Finding(path.name, None, f"it cannot be read ({error.strerror})", _CHECK_PATH))
            continue
        files += found
        if not found:
            what = "the directory has no .jsonl file" if path.is_dir() else "it is neither a file nor a directory"
            findings.append(Finding(path.name, None, what, "Name a JSONL file, or a directory with some"))
    unique = list(dict.fromkeys(files))
    names = [path.name for path in unique]
    shown = (path.name if names.count(path.name) == 1 else str(path) for path in unique)
    # a line break in a file's name would break the rule of one line for each finding
    return {
        name if name.isprintable() else ascii(name): path for name, path in zip(shown, unique, strict=True)
    }, findings


def _files_of(path: Path) -> list[Path]:
    path.stat()
    if not path.is_dir():
        return [path] if path.is_file() else []
    found = [child for child in path.iterdir() if child.name.endswith(".jsonl")]
    rank = {name: index for index, name in enumerate(DATASET_FILES)}
    return sorted(found, key=lambda child: (rank.get(child.name, len(rank)), child.name))


def manifests_checked(paths: Sequence[Path], inspection: Inspection) -> list[Finding]:
    """Return what is wrong with the manifests of the directories among the paths; one without is fine."""
    findings: list[Finding] = []
    for directory in (path for path in paths if (path / MANIFEST_NAME).is_file()):
        try:
            facts = {
                name: (sha256_of(directory / name), inspection.files[name].lines)
                for name in (child.name for child in _files_of(directory))
                if name in inspection.files
            }
        except OSError:
            continue  # an unreadable file has been told already
        findings += manifest_findings(directory / MANIFEST_NAME, facts)
    return findings
