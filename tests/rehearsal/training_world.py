"""A bucket, a volume and launches of `python -m training train` on a tiny random Llama, for several test modules."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import boto3
from slm_core.layout import RunKeys, VolumePaths, dataset_prefix, s3_uri
from slm_core.records import BaseModelRef, HubTarget, Outcome, RunSpec, dataset_digest
from slm_core.training_config import load_training_config

from tests.rehearsal.conftest import PROJECT

BUCKET = "training-bucket"
REVISION = "c" * 40
STEPS = 8
PATIENCE_SECONDS = 300


@dataclass
class World:
    """A bucket with a dataset, and a volume with the base model in its cache."""

    endpoint: str
    volume: VolumePaths
    dataset_sha256: str

    @property
    def s3(self):
        return boto3.client("s3", endpoint_url=self.endpoint)

    def start(self, run_id, environment=None, **changes):
        """Start a launch of a run and return its process."""
        keys = RunKeys(run_id)
        spec = run_spec(run_id, self.dataset_sha256).model_copy(update=changes)
        self.s3.put_object(Bucket=BUCKET, Key=keys.spec, Body=spec.model_dump_json())
        command = [sys.executable, "-m", "training", "train", "--run-uri", s3_uri(BUCKET, keys.spec), "--fence", "1"]
        return subprocess.Popen(
            [*command, "--work-dir", str(self.volume.root)],
            cwd=PROJECT,
            env=os.environ | {"AWS_ENDPOINT_URL": self.endpoint, "OMP_NUM_THREADS": "1"} | (environment or {}),
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, run_id, **changes):
        """Run a launch to its end; return its exit code and its log."""
        process = self.start(run_id, **changes)
        _, log = process.communicate(timeout=PATIENCE_SECONDS)
        return process.returncode, log

    def outcome(self, run_id):
        return Outcome.model_validate_json(self.volume.outcome(run_id).read_bytes())

    def staged(self, run_id):
        """Return the staged artifacts by name."""
        prefix = RunKeys(run_id).staged_artifacts
        listed = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return {
            item["Key"].removeprefix(prefix): self.s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read()
            for item in listed
        }


def run_spec(run_id, dataset_sha256):
    config = load_training_config(PROJECT / "config" / "training_config.local.yml").model_dump()
    config["training"] |= {"samples": 4 * STEPS, "batch_size": 4, "max_seq_length": 2048, "max_tokens_per_batch": 8192}
    config["training"] |= {"lora_rank": 2, "lora_dropout": 0.1, "checkpoint_steps": 2, "learning_rate": 0.01}
    config["evaluation"] |= {"samples": 2, "max_new_tokens": 16}
    return RunSpec.model_validate(
        {
            "run_id": run_id,
            "run_name": run_id,
            "created_at": datetime.now(UTC),
            "execution_arn": f"arn:aws:states:us-east-1:000000000000:execution:machine:{run_id}",
            "fence": 1,
            "bucket": BUCKET,
            "dataset_sha256": dataset_sha256,
            "base_model": BaseModelRef(repo_id="tiny/llama", revision=REVISION).model_dump(),
            "hub": HubTarget(endpoint="http://127.0.0.1:9", read_token_secret_id="t", publish_repo="a/b").model_dump(),
            "image": "registry.test/image",
            "config": config,
            "instance_types": ("g6.2xlarge",),
            "resume_from": None,
            "git_commit": "0123abc",
        }
    )


def publish(s3, directory):
    """Put a dataset into the bucket and return its digest."""
    files = ("train.jsonl", "validation.jsonl")
    digest = dataset_digest({name: hashlib.sha256((directory / name).read_bytes()).hexdigest() for name in files})
    for name in (*files, "manifest.json"):
        s3.put_object(Bucket=BUCKET, Key=dataset_prefix(digest) + name, Body=(directory / name).read_bytes())
    return digest


def wait_for(path, process):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not path.exists():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline, f"{path.name} did not appear"
        time.sleep(0.005)
