"""`python -m training train` as the container runs it, on a tiny random Llama: whole, killed, stopped, refused.

S3 is moto's server on loopback; the base model lies in the volume's cache, as after a first download.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import boto3
import pytest
from moto.server import ThreadedMotoServer
from slm_core.layout import RunKeys, VolumePaths, dataset_prefix, s3_uri
from slm_core.records import BaseModelRef, HubTarget, Manifest, Metrics, Outcome, Progress, RunSpec, dataset_digest
from slm_core.training_config import load_training_config

from tests.rehearsal.conftest import PROJECT, write_dataset
from training.checkpoints import newest_complete
from training.durable import seal

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

    def start(self, run_id, **changes):
        """Start a launch of a run and return its process."""
        keys = RunKeys(run_id)
        spec = run_spec(run_id, self.dataset_sha256).model_copy(update=changes)
        self.s3.put_object(Bucket=BUCKET, Key=keys.spec, Body=spec.model_dump_json())
        command = [sys.executable, "-m", "training", "train", "--run-uri", s3_uri(BUCKET, keys.spec), "--fence", "1"]
        return subprocess.Popen(
            [*command, "--work-dir", str(self.volume.root)],
            cwd=PROJECT,
            env=os.environ | {"AWS_ENDPOINT_URL": self.endpoint, "OMP_NUM_THREADS": "1"},
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


@pytest.fixture(scope="module")
def world(tmp_path_factory, tiny_model, tiny_dataset):
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        volume = VolumePaths(tmp_path_factory.mktemp("volume"))
        cached = volume.model("tiny/llama", REVISION)
        shutil.copytree(tiny_model, cached)
        seal(cached)
        world = World(f"http://{host}:{port}", volume, "")
        world.s3.create_bucket(Bucket=BUCKET)
        world.dataset_sha256 = publish(world.s3, tiny_dataset)
        yield world
    finally:
        server.stop()


@pytest.fixture(scope="module")
def uninterrupted(world):
    """The artifacts of a run that nothing disturbed."""
    code, log = world.run("uninterrupted")
    assert code == 0, log
    return world.staged("uninterrupted"), log


def wait_for(path, process):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not path.exists():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < deadline, f"{path.name} did not appear"
        time.sleep(0.005)


def test_a_whole_run_stages_exactly_what_its_manifest_names(world, uninterrupted):
    staged, _ = uninterrupted
    manifest = Manifest.model_validate_json(staged.pop("manifest.json"))
    assert {file.path: file.sha256 for file in manifest.files} == {
        name: hashlib.sha256(content).hexdigest() for name, content in staged.items()
    }
    assert {"adapter_model.safetensors", "adapter_config.json", "tokenizer.json", "metrics.json"} <= staged.keys()
    assert {"README.md", "NOTICE", "loss.png", "f1.png", "history.jsonl"} <= staged.keys()
    assert manifest.provenance.base_model_files.keys() >= {"model.safetensors", "config.json"}
    assert world.outcome("uninterrupted").status == "succeeded"


def test_the_adapter_names_its_base_model_on_the_hub_and_not_a_path(uninterrupted):
    config = json.loads(uninterrupted[0]["adapter_config.json"])
    assert (config["base_model_name_or_path"], config["revision"]) == ("tiny/llama", REVISION)


def test_the_metrics_tell_both_evaluations_and_every_step(uninterrupted):
    staged, _ = uninterrupted
    metrics = Metrics.model_validate_json(staged["metrics.json"])
    steps = [json.loads(line)["step"] for line in staged["history.jsonl"].decode().splitlines()]
    assert steps == list(range(1, STEPS + 1))
    assert metrics.before is not None
    assert metrics.training.samples_seen == 4 * STEPS
    assert metrics.training.held_out_loss_after < metrics.training.held_out_loss_before
    assert f"{metrics.after.macro_f1:.3f}" in staged["README.md"].decode()


def test_no_note_and_no_secret_place_leaves_in_an_artifact_or_the_log(world, uninterrupted, tiny_dataset):
    staged, log = uninterrupted
    notes = [json.loads(line)["input"] for line in (tiny_dataset / "train.jsonl").read_text().splitlines()]
    texts = [log, *(content.decode("utf-8", "replace") for content in staged.values())]
    for text in texts:
        assert not any(note in text for note in notes)
        assert str(world.volume.root) not in text


def test_the_last_heartbeat_says_done(world, uninterrupted):
    body = world.s3.get_object(Bucket=BUCKET, Key=RunKeys("uninterrupted").progress)["Body"].read()
    progress = Progress.model_validate_json(body)
    assert (progress.phase, progress.checkpoint_step) == ("done", STEPS)


def test_a_killed_and_resumed_run_gives_the_adapter_of_the_uninterrupted_one_bit_for_bit(world, uninterrupted):
    process = world.start("killed")
    wait_for(world.volume.checkpoints("killed") / "step-2", process)
    process.kill()
    process.communicate()
    assert not world.volume.outcome("killed").exists()
    code, log = world.run("killed")
    assert code == 0, log
    staged = world.staged("killed")
    assert 2 <= Metrics.model_validate_json(staged["metrics.json"]).training.resumed_from_step < STEPS
    assert staged["adapter_model.safetensors"] == uninterrupted[0]["adapter_model.safetensors"]
    assert "the untuned model's result is in the cache" in log


def test_a_stop_signal_saves_a_checkpoint_first_and_names_itself(world, uninterrupted):
    process = world.start("stopped")
    wait_for(world.volume.checkpoints("stopped") / "step-2", process)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE_SECONDS)
    outcome = world.outcome("stopped")
    saved = newest_complete(world.volume.checkpoints("stopped")).step
    body = world.s3.get_object(Bucket=BUCKET, Key=RunKeys("stopped").progress)["Body"].read()
    assert saved == Progress.model_validate_json(body).step == Progress.model_validate_json(body).checkpoint_step
    assert (process.returncode, outcome.error) == (28, "TrainingInterruptedError")
    assert world.staged("stopped") == {}


def test_a_bad_dataset_line_ends_with_its_number_and_exit_code_and_without_its_text(world, tmp_path):
    directory = write_dataset(tmp_path, {"train.jsonl": 3, "validation.jsonl": 2})
    broken = (
        (directory / "train.jsonl").read_text().replace('"input": "Synthetic note train.jsonl 1', '"inptu": "PRIVATE')
    )
    (directory / "train.jsonl").write_text(broken)
    manifest = json.loads((directory / "manifest.json").read_text())
    manifest["files"]["train.jsonl"]["sha256"] = hashlib.sha256(broken.encode()).hexdigest()
    (directory / "manifest.json").write_text(json.dumps(manifest))
    code, log = world.run("bad-line", dataset_sha256=publish(world.s3, directory))
    outcome = world.outcome("bad-line")
    assert (code, outcome.error, outcome.exit_code) == (20, "DatasetInvalidError", 20)
    assert "train.jsonl" in outcome.message
    assert "line 2" in outcome.message
    assert "PRIVATE" not in outcome.message + log
