"""Where everything lies: S3 keys, host paths and names. Pure: it must not import boto3."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

RUN_ID_PATTERN = re.compile(r"[A-Za-z0-9_-]{1,80}")
MANIFEST_NAME = "manifest.json"
HISTORY_NAME = "history.jsonl"
OUTCOMES_NAME = "outcomes.json"
EXAMPLES_NAME = "examples.json"
DATASET_FILES = ("train.jsonl", "validation.jsonl", "challenge.jsonl")


@dataclass(frozen=True)
class RunKeys:
    """The S3 keys of one run."""

    run_id: str

    def __post_init__(self) -> None:
        if not RUN_ID_PATTERN.fullmatch(self.run_id):
            raise ValueError("a run id is 1 to 80 letters, digits, hyphens and underscores")

    @property
    def spec(self) -> str:
        return f"runs/{self.run_id}/run.json"

    @property
    def record(self) -> str:
        return f"runs/{self.run_id}/record.json"

    @property
    def progress(self) -> str:
        return f"staging/{self.run_id}/progress.json"

    @property
    def outcome(self) -> str:
        return f"staging/{self.run_id}/outcome.json"

    @property
    def staged_artifacts(self) -> str:
        return f"staging/{self.run_id}/artifacts/"

    @property
    def staged_manifest(self) -> str:
        return f"{self.staged_artifacts}{MANIFEST_NAME}"

    @property
    def archive(self) -> str:
        return f"models/{self.run_id}/"

    @property
    def archive_manifest(self) -> str:
        return f"{self.archive}{MANIFEST_NAME}"


def dataset_prefix(sha256: str) -> str:
    """Return the S3 prefix of a published dataset, named by the digest of its manifest."""
    return f"datasets/{sha256}/"


def host_file_key(named: str) -> str:
    """Return the S3 key of a file for the host, named DIGEST/NAME."""
    return f"host/{named}"


def release_key(repo_id: str) -> str:
    """Return the S3 key of the history of a Hub repository's releases."""
    return f"releases/{repo_id}.json"


def s3_uri(bucket: str, key: str) -> str:
    """Return the s3:// form of a key."""
    return f"s3://{bucket}/{key}"


def split_s3_uri(uri: str) -> tuple[str, str]:
    """Return (bucket, key) of an s3:// URI.

    Raises: ValueError when it is none.
    """
    match = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/(.+)", uri)
    if match is None:
        raise ValueError("expected s3://BUCKET/KEY")
    return match.group(1), match.group(2)


@dataclass(frozen=True)
class VolumePaths:
    """The paths on the checkpoint volume, which outlives every instance start."""

    root: Path

    def model(self, repo_id: str, revision: str) -> Path:
        return self.root / "models" / f"{repo_id.replace('/', '--')}--{revision[:12]}"

    def dataset(self, sha256: str) -> Path:
        return self.root / "datasets" / sha256

    def encoded(self, name: str) -> Path:
        return self.root / "encoded" / name

    def run(self, run_id: str) -> Path:
        return self.root / "runs" / run_id

    def checkpoints(self, run_id: str) -> Path:
        return self.run(run_id) / "checkpoints"

    def board(self, run_id: str) -> Path:
        """TensorBoard's event files of all launches."""
        return self.run(run_id) / "tensorboard"

    def artifacts(self, run_id: str) -> Path:
        return self.run(run_id) / "artifacts"

    def outcome(self, run_id: str) -> Path:
        return self.run(run_id) / "outcome.json"

    def progress(self, run_id: str) -> Path:
        """The newest heartbeat, for the host's guard; staging holds the workflow's copy."""
        return self.run(run_id) / "progress.json"
