"""The run's dataset: fetched once per volume, every file checked, and parsed with line numbers for whatever is wrong.

A message names files and lines, never a line's text: notes are clinical, even where these are synthetic.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from botocore.exceptions import ClientError
from loguru import logger
from pydantic import ValidationError
from slm_core.errors import DatasetInvalidError, DatasetMissingError
from slm_core.layout import MANIFEST_NAME, VolumePaths, dataset_prefix
from slm_core.records import DatasetManifest, RunSpec, dataset_digest, sha256_of

from extraction.schema import DatasetRecord
from training.durable import is_sealed, seal_and_rename

TRAIN_FILE = "train.jsonl"
VALIDATION_FILE = "validation.jsonl"
NEEDED_FILES = (TRAIN_FILE, VALIDATION_FILE)
LINES_NAMED = 20

Item = TypeVar("Item")


def fetch_dataset(spec: RunSpec, volume: VolumePaths, s3: Any) -> Path:
    """Return the directory on the volume that holds the run's dataset, downloading it once.

    Raises: DatasetMissingError, DatasetInvalidError.
    """
    target = volume.dataset(spec.dataset_sha256)
    if is_sealed(target):
        return target
    logger.info("downloading the dataset")
    workshop = target.with_name(f".{target.name}.partial")
    shutil.rmtree(workshop, ignore_errors=True)
    workshop.mkdir(parents=True)
    prefix = dataset_prefix(spec.dataset_sha256)
    for name in (MANIFEST_NAME, *NEEDED_FILES):
        _download(s3, (spec.bucket, prefix + name), workshop / name)
    _check_files(workshop, spec.dataset_sha256)
    seal_and_rename(workshop, target)
    return target


def read_records(path: Path) -> list[DatasetRecord]:
    """Return the records of a JSONL file.

    Raises: DatasetInvalidError naming every line that is no record, by number.
    """
    records, bad_lines = [], []
    for number, line in enumerate(_lines(path), start=1):
        try:
            records.append(DatasetRecord.model_validate_json(line))
        except ValidationError:
            bad_lines.append(number)
    if bad_lines:
        named = ", ".join(map(str, bad_lines[:LINES_NAMED]))
        raise DatasetInvalidError(f"{path.name}: {len(bad_lines)} lines are not valid records, at line {named}")
    if not records:
        raise DatasetInvalidError(f"{path.name} holds no record")
    return records


def random_sample(items: Sequence[Item], size: int | None, seed: int) -> list[Item]:
    """Return `size` items drawn with a seed, or all of them; the training subset."""
    return list(items) if size is None or size >= len(items) else random.Random(seed).sample(list(items), size)


def even_sample(items: Sequence[Item], size: int | None) -> list[Item]:
    """Return `size` items at even distances, or all of them: the same validation subset for every run and seed."""
    if size is None or size >= len(items):
        return list(items)
    return [items[index * len(items) // size] for index in range(size)]


def _lines(path: Path) -> list[bytes]:
    # a line ends at a newline alone: a note may hold other characters that str.splitlines takes for line ends
    content = path.read_bytes()
    return content.removesuffix(b"\n").split(b"\n") if content else []


def _download(s3: Any, source: tuple[str, str], path: Path) -> None:
    bucket, key = source
    try:
        body = s3.get_object(Bucket=bucket, Key=key)["Body"]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") in {"NoSuchKey", "404"}:
            raise DatasetMissingError(f"The bucket has no {key}") from error
        raise
    with path.open("wb") as stream:
        shutil.copyfileobj(body, stream, 1 << 20)


def _check_files(directory: Path, expected_digest: str) -> None:
    try:
        manifest = DatasetManifest.model_validate_json((directory / MANIFEST_NAME).read_bytes())
    except ValidationError:
        raise DatasetInvalidError("The dataset's manifest.json is not valid") from None
    if dataset_digest({name: file.sha256 for name, file in manifest.files.items()}) != expected_digest:
        raise DatasetInvalidError("The dataset's manifest.json does not have the digest that its name says")
    for name in NEEDED_FILES:
        if name not in manifest.files or sha256_of(directory / name) != manifest.files[name].sha256:
            raise DatasetInvalidError(f"{name} does not match the SHA-256 in the dataset's manifest.json")
