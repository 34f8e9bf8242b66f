"""`dataset check` as one call: which files, with which tokenizer, and the manifests of their directories."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from slm_core.training_config import load_training_config

from extraction.schema import DatasetRecord
from fine_tune_slm.dataset_inspection import Inspection, InspectionOptions, inspect
from fine_tune_slm.dataset_paths import dataset_files, manifests_checked
from fine_tune_slm.errors import ProjectIncompleteError, TokenizerUnusableError
from fine_tune_slm.local_model import local_model_directory
from fine_tune_slm.project import find_project
from fine_tune_slm.token_counter import TOKENIZER_NAME, TokenCounter


@dataclass(frozen=True)
class ReviewRequest:
    """What `dataset check` is asked."""

    paths: Sequence[Path]
    is_strict: bool = False
    tokenizer: Path | None = None
    max_seq_length: int | None = None


def review(request: ReviewRequest, on_progress: Callable[[int, int], None]) -> Inspection:
    """Return what is to be said of the files below the paths, what cannot be found among it.

    Raises: TokenizerUnusableError when the tokenizer that was asked for cannot be used.
    """
    paths, missing = dataset_files(request.paths)
    total, done = sum(_size(path) for path in paths.values()), 0

    def on_bytes(count: int) -> None:
        nonlocal done
        done += count
        on_progress(done, total)

    inspection = inspect(
        paths,
        InspectionOptions(
            is_strict=request.is_strict,
            count_tokens=_token_counter(request.tokenizer),
            max_tokens=request.max_seq_length or _configured_max_seq_length(),
            on_bytes=on_bytes,
        ),
    )
    inspection.add_all([*missing, *manifests_checked(request.paths, inspection)])
    return inspection


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _token_counter(directory: Path | None) -> Callable[[DatasetRecord], int] | None:
    if directory is not None:
        return TokenCounter(directory).count
    local = local_model_directory(_project() / ".local")
    try:
        return TokenCounter(local).count if (local / TOKENIZER_NAME).is_file() else None
    except TokenizerUnusableError:
        return None


def _configured_max_seq_length() -> int | None:
    path = _project() / "config" / "training_config.yml"
    return load_training_config(path).training.max_seq_length if path.is_file() else None


def _project() -> Path:
    try:
        return find_project()
    except ProjectIncompleteError:
        return Path.cwd()
