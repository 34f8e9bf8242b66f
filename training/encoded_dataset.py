"""The training records as token ids in a file on the volume: encoded once, then mapped into memory by every launch.

As Python's lists a token takes ten bytes of memory and more; mapped, the system holds what the steps at hand touch.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from datasets import Dataset, Features, List, Value
from datasets.arrow_writer import ArrowWriter
from loguru import logger
from slm_core.records import RunSpec

from extraction.prompt import PROMPT_VERSION
from training.durable import is_sealed, seal_and_rename
from training.encoding import EncodedRecord

FILE_NAME = "records.arrow"
FEATURES = Features({"prompt_ids": List(Value("int32")), "answer_ids": List(Value("int32")), "length": Value("int32")})


class EncodedDataset(Sequence[EncodedRecord]):
    """Encoded records in their order; each is read from the file when it is asked for."""

    def __init__(self, path: Path) -> None:
        self._rows = Dataset.from_file(str(path))

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: Any) -> Any:
        row = self._rows[index]
        return EncodedRecord(tuple(row["prompt_ids"]), tuple(row["answer_ids"]))

    @property
    def lengths(self) -> list[int]:
        """Tokens of each record, prompt and answer together."""
        return list(self._rows["length"][:])


def encode_once(records: Iterable[EncodedRecord], directory: Path) -> EncodedDataset:
    """Return the records in the directory; when it is not whole, they are encoded and written there first."""
    if is_sealed(directory):
        logger.info("the encoded records are in the cache")
        return EncodedDataset(directory / FILE_NAME)
    workshop = directory.with_name(f".{directory.name}.partial")
    shutil.rmtree(workshop, ignore_errors=True)
    workshop.mkdir(parents=True)
    with ArrowWriter(features=FEATURES, path=str(workshop / FILE_NAME)) as writer:
        for record in records:
            ids = {"prompt_ids": record.prompt_ids, "answer_ids": record.answer_ids}
            writer.write(ids | {"length": len(record)})
        writer.finalize()
    seal_and_rename(workshop, directory)
    return EncodedDataset(directory / FILE_NAME)


def cache_name(spec: RunSpec, base_model_files: dict[str, str]) -> str:
    """Return the directory's name: a digest of records and their sample, tokenizer, prompt and what renders it."""
    options = spec.config.training
    content = [spec.dataset_sha256, options.samples, options.seed, base_model_files, PROMPT_VERSION]
    versions = [version(name) for name in ("transformers", "tokenizers", "jinja2")]
    return hashlib.sha256(json.dumps([content, versions], sort_keys=True).encode()).hexdigest()
