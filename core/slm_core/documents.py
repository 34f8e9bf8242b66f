"""The JSON documents of a run, read from and written to the bucket under their keys."""

from __future__ import annotations

import hashlib
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from slm_core.errors import ArtifactCorruptError, DatasetMissingError, StateInvalidError
from slm_core.layout import MANIFEST_NAME, RunKeys, dataset_prefix
from slm_core.records import DatasetManifest, Metrics, Outcome, Progress, RunRecord, RunSpec
from slm_core.store import ObjectStore

Document = TypeVar("Document", bound=BaseModel)
METRICS_NAME = "metrics.json"


def to_json(document: BaseModel) -> bytes:
    """Return a document as it is stored."""
    return document.model_dump_json(indent=2).encode()


def read_spec(store: ObjectStore, keys: RunKeys) -> RunSpec:
    """Return run.json.

    Raises: StateInvalidError when PrepareRun has not written it.
    """
    spec = find_spec(store, keys)
    if spec is None:
        raise StateInvalidError(f"{keys.spec} does not exist")
    return spec


def find_spec(store: ObjectStore, keys: RunKeys) -> RunSpec | None:
    """Return run.json, or None when the run was refused before it was written."""
    content = store.read(keys.spec)
    return None if content is None else RunSpec.model_validate_json(content)


def find_progress(store: ObjectStore, keys: RunKeys) -> Progress | None:
    """Return the host's newest heartbeat; None when there is none, or none that can be read."""
    return _from_host(Progress, store.read(keys.progress))


def find_outcome(store: ObjectStore, keys: RunKeys, fence: int) -> Outcome | None:
    """Return how the newest launch under this fence ended; None when the host has not said."""
    outcome = _from_host(Outcome, store.read(keys.outcome))
    return outcome if outcome and outcome.fence == fence else None


def find_record(store: ObjectStore, keys: RunKeys) -> RunRecord | None:
    """Return record.json, or None when the run has not ended."""
    content = store.read(keys.record)
    return None if content is None else RunRecord.model_validate_json(content)


def find_metrics(store: ObjectStore, keys: RunKeys) -> Metrics | None:
    """Return the archive's metrics, or None when there is no archive."""
    return _from_host(Metrics, store.read(f"{keys.archive}{METRICS_NAME}"))


def read_metrics(store: ObjectStore, keys: RunKeys, sha256: str) -> Metrics:
    """Return the archive's metrics, whose digest the manifest names.

    Raises: ArtifactCorruptError.
    """
    key = f"{keys.archive}{METRICS_NAME}"
    content = store.read(key)
    if content is None or hashlib.sha256(content).hexdigest() != sha256:
        raise ArtifactCorruptError(f"{key} is not what the manifest says")
    try:
        return Metrics.model_validate_json(content)
    except ValidationError:
        raise ArtifactCorruptError(f"{key} does not hold metrics") from None


def require_dataset(store: ObjectStore, sha256: str) -> DatasetManifest:
    """Return the manifest of the published dataset.

    Raises: DatasetMissingError.
    """
    key = f"{dataset_prefix(sha256)}{MANIFEST_NAME}"
    manifest = _from_host(DatasetManifest, store.read(key))
    if manifest is None:
        raise DatasetMissingError(f"The bucket holds no dataset manifest at {key}")
    return manifest


def _from_host(model: type[Document], content: bytes | None) -> Document | None:
    # what others than this package wrote may be torn or foreign: then it says nothing
    if content is None:
        return None
    try:
        return model.model_validate_json(content)
    except ValidationError:
        return None
