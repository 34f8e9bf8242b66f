"""The JSON documents that cross a process boundary: run.json, progress, outcome, metrics, manifest and record."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from slm_core.training_config import Frozen, TrainingConfig

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
RunId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,80}$")]


class BaseModelRef(Frozen):
    """The base model, pinned."""

    repo_id: str
    revision: str = Field(min_length=7, description="Commit on the Hub.")


class HubTarget(Frozen):
    """Where the base model comes from and where the adapter goes; ids only, never a token."""

    endpoint: str
    read_token_secret_id: str
    publish_repo: str


class RunSpec(Frozen):
    """run.json: the only configuration that the container reads."""

    schema_version: Literal[1] = 1
    run_id: RunId
    run_name: str
    created_at: datetime
    execution_arn: str
    fence: int = Field(ge=1)
    bucket: str
    dataset_sha256: Sha256
    dataset_is_synthetic: bool = Field(default=False, description="Whether notes may be kept as examples of mistakes.")
    dataset_title: str | None = Field(default=None, description="How the model card cites the dataset.")
    base_model: BaseModelRef
    hub: HubTarget
    image: str
    config: TrainingConfig
    instance_types: tuple[str, ...] = Field(min_length=1)
    resume_from: RunId | None
    git_commit: str


class Phase(StrEnum):
    """What the training process is doing."""

    DOWNLOADING = "downloading"
    EVALUATING_BEFORE = "evaluating_before"
    TRAINING = "training"
    EVALUATING_AFTER = "evaluating_after"
    PACKAGING = "packaging"
    DONE = "done"


class Quartiles(Frozen):
    """Between what the middle half of the measured values lies."""

    low: float
    high: float


class Progress(Frozen):
    """progress.json: the heartbeat of the training process; an image may be newer than the functions that read it."""

    model_config = Frozen.model_config | {"extra": "ignore"}

    run_id: RunId
    fence: int
    phase: Phase
    step: int = Field(default=0, ge=0, description="Optimiser steps done; in an evaluation, records done.")
    total_steps: int = Field(default=0, ge=0)
    resumed_from_step: int = Field(default=0, ge=0)
    loss: float | None = None
    tokens_per_second: float | None = None
    median_step_seconds: float | None = None
    step_seconds_quartiles: Quartiles | None = Field(default=None, description="Of the newest steps.")
    losses: tuple[float, ...] = Field(
        default=(), max_length=60, description="Means of equally long stretches of all steps so far, the newest last."
    )
    evaluation_seconds: float | None = Field(
        default=None, description="How long the evaluation before tuning took; None when it came from the cache."
    )
    seconds_left: float | None = Field(
        default=None, description="Of this phase; of an evaluation at most, as answers being written may end together."
    )
    adapter_size_bytes: int | None = Field(default=None, description="Weights of the adapter that is being trained.")
    checkpoint_step: int | None = Field(default=None, description="The newest complete checkpoint.")
    updated_at: datetime


class Outcome(Frozen):
    """outcome.json: how the newest launch of the container ended."""

    run_id: RunId
    fence: int
    status: Literal["running", "succeeded", "failed", "killed"]
    exit_code: int | None = None
    oom_killed: bool = False
    error: str | None = Field(default=None, description="Name of a leaf of slm_core.errors.")
    message: str | None = Field(default=None, description="One sentence without clinical text.")


class Interval(Frozen):
    """A 95 % interval."""

    low: float
    high: float


class FieldMetrics(Frozen):
    """Item-level scores of one field, pooled over the documents."""

    precision: float
    recall: float
    f1: float
    f1_interval: Interval


class MistakeCount(Frozen):
    """How often one kind of mistake was made."""

    kind: str
    total: int
    by_field: dict[str, int] = Field(description="Without the kinds that belong to no field.")


class Evaluation(Frozen):
    """Scores of one model on one set of records; shares are between 0 and 1."""

    samples: int = Field(ge=1)
    macro_f1: float
    macro_f1_interval: Interval
    micro_f1: float
    record_exact: float
    record_exact_interval: Interval | None = None
    json_valid: float
    ungrounded_rate: float
    fields: dict[str, FieldMetrics]
    seconds: float = Field(ge=0)
    is_constrained: bool = Field(default=False, description="A grammar held the answers to valid JSON.")
    ended_by_itself: float | None = Field(
        default=None, description="Share of answers that the model ended with a stop token of its own, none cut."
    )
    mistakes: tuple[MistakeCount, ...] = Field(default=(), description="By kind, each kind once; counts only.")


class Difference(Frozen):
    """One score minus another on the same notes, with its paired interval."""

    difference: float
    interval: Interval


class Gain(Frozen):
    """How much better one model scores than another on the same notes."""

    macro_f1: Difference
    record_exact: Difference
    fields: dict[str, Difference]


class TrainingSummary(Frozen):
    """What the training itself cost and reached."""

    steps: int
    resumed_from_step: int
    samples_seen: int
    tokens_seen: int
    first_loss: float | None
    last_loss: float | None
    held_out_loss_before: float | None = None
    held_out_loss_after: float | None = None
    seconds: float
    padding_share: float
    peak_memory_bytes: int
    trainable_parameters: int
    quantization: str | None = Field(default=None, description="How the frozen weights were held: `auto` decided.")
    gradient_checkpointing: bool | None = Field(default=None, description="Whether activations were recomputed.")
    device: str


class Metrics(Frozen):
    """metrics.json."""

    run_id: RunId
    validation_sha256: Sha256
    before: Evaluation | None
    after: Evaluation
    gain: Gain | None = Field(default=None, description="After minus before; None when either was not counted by note.")
    training: TrainingSummary


class ManifestFile(Frozen):
    """One file of an archive."""

    path: str = Field(pattern=r"^[\w.-]+(/[\w.-]+)*$")
    size_bytes: int = Field(ge=0)
    sha256: Sha256

    @field_validator("path")
    @classmethod
    def path_stays_below(cls, value: str) -> str:
        if ".." in value.split("/"):
            raise ValueError("must not leave its directory")
        return value


class Provenance(Frozen):
    """What an adapter was made of."""

    git_commit: str
    config_sha256: Sha256
    dataset_sha256: Sha256
    base_model: BaseModelRef
    base_model_files: dict[str, Sha256]
    image: str
    seed: int
    versions: dict[str, str]


class Manifest(Frozen):
    """manifest.json: readers accept only what it names."""

    schema_version: Literal[1] = 1
    run_id: RunId
    created_at: datetime
    files: tuple[ManifestFile, ...] = Field(min_length=1)
    provenance: Provenance


class DatasetManifest(Frozen):
    """The part of a dataset's manifest.json that the workflow relies on."""

    model_config = Frozen.model_config | {"extra": "ignore"}

    files: dict[str, DatasetFile]
    synthetic: bool = Field(default=False, description="Whether notes may be shown in a report.")
    title: str | None = Field(default=None, max_length=200, description="How the model card cites the dataset.")
    generator_version: str | None = Field(default=None, description="Of casebook, in the manifests that it writes.")

    @property
    def cited_as(self) -> str | None:
        """Return the dataset's title; casebook's own has one by its generator."""
        if self.title is None and self.generator_version is not None:
            return (
                f"Synthetic instruction-tuning dataset: cancer information extraction, version {self.generator_version}"
            )
        return self.title


class DatasetFile(Frozen):
    """One file of a dataset."""

    sha256: Sha256
    records: int = Field(ge=1)


class Release(Frozen):
    """A commit on the Hub that a run published, and the score that the next run is compared with."""

    run_id: RunId
    revision: str = Field(min_length=7, description="Commit on the Hub; the run's id is its tag.")
    macro_f1: float
    samples: int = Field(ge=1, description="Validation records that macro_f1 was measured on.")
    validation_sha256: Sha256
    published_at: datetime
    is_withdrawn: bool = Field(default=False, description="A rollback took it back.")


class ReleaseHistory(Frozen):
    """releases/<repository>.json: the releases in the order in which the Hub's main came to hold them."""

    schema_version: Literal[1] = 1
    repo_id: str = Field(pattern=r"^[\w.-]+/[\w.-]+$")
    releases: tuple[Release, ...] = ()

    @property
    def standing(self) -> tuple[Release, ...]:
        """The releases that no rollback took back."""
        return tuple(release for release in self.releases if not release.is_withdrawn)

    @property
    def current(self) -> Release | None:
        """What main holds."""
        return self.standing[-1] if self.standing else None


class FailureRecord(Frozen):
    """Why a run failed."""

    error: str
    cause: str
    state: str | None = Field(default=None, description="The state that failed, when known.")


class LaunchRecord(Frozen):
    """One start of the instance."""

    instance_type: str
    launched_at: datetime
    stopped_at: datetime | None = None


class InstanceRecord(Frozen):
    """What the run used of the instance."""

    instance_id: str
    instance_type: str | None = None
    state: str = Field(
        description="As verified by DescribeInstances at the end; never_started when it was not touched."
    )
    launched_at: datetime | None = None
    stopped_at: datetime | None = None
    launches: tuple[LaunchRecord, ...] = Field(default=(), description="Every start of the run, the oldest first.")


class CostItem(Frozen):
    """One kind of cost of a run, at list price."""

    kind: Literal["instance", "storage", "state transitions", "function calls"]
    detail: str = Field(description="What was paid for: the instance type, the size of the volumes.")
    amount: float = Field(ge=0, description="Seconds of an instance or of storage; otherwise a number of requests.")
    usd: float = Field(ge=0)


class RunRecord(Frozen):
    """record.json: how a run ended and where everything is."""

    schema_version: Literal[1] = 1
    run_id: RunId
    run_name: str
    execution_arn: str
    status: Literal["succeeded", "failed", "rejected"]
    started_at: datetime
    finished_at: datetime
    instance: InstanceRecord | None
    billed_seconds: float | None
    cost_usd: float | None = Field(description="The sum of `costs`, at list price.")
    costs: tuple[CostItem, ...] = ()
    relaunches: int = 0
    last_checkpoint_step: int | None = None
    failure: FailureRecord | None = None
    metrics: Metrics | None = None
    archive_uri: str | None = None
    hub_repo: str | None = None
    hub_revision: str | None = None


DatasetManifest.model_rebuild()


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def dataset_digest(files: Mapping[str, str]) -> str:
    """Return the name of a dataset: a digest over its file names and their SHA-256, in name order."""
    lines = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


def describe_files(directory: Path, paths: Iterable[Path]) -> tuple[ManifestFile, ...]:
    """Return the manifest entries of files below a directory, in path order."""
    return tuple(
        ManifestFile(
            path=path.relative_to(directory).as_posix(), size_bytes=path.stat().st_size, sha256=sha256_of(path)
        )
        for path in sorted(paths)
    )
