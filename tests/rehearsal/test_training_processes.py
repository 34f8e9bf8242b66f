"""Two processes on the CPU, started as the container starts them on several GPUs: the same adapter as one process.

They share every optimiser step, so that nothing but the order of sums in fp32 differs.
"""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load
from slm_core.layout import RunKeys
from slm_core.records import Metrics, Progress

from tests.rehearsal.training_world import (
    BUCKET,
    PATIENCE_SECONDS,
    STEPS,
    run_spec,
    wait_for,
)

TWO = {"FINE_TUNE_SLM_PROCESSES": "2"}
LOSS_TOLERANCE = 1e-5
# Adam divides a gradient by its own size, so that rounding in a small one counts whole: seen were 4e-7 to 1.3e-5,
# by the processor's kernels; a gradient that missed a record would differ by hundredths
ADAPTER_TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def config(world):
    """A run without dropout: each process would draw its own."""
    config = run_spec("any", world.dataset_sha256).config
    return config.model_copy(update={"training": config.training.model_copy(update={"lora_dropout": 0.0})})


@pytest.fixture(scope="module")
def one_process(world, config):
    """The artifacts of the run in one process."""
    code, log = world.run("one", config=config)
    assert code == 0, log
    return world.staged("one")


def assert_same_adapter(staged, expected):
    found, wanted = (load(artifacts["adapter_model.safetensors"]) for artifacts in (staged, expected))
    assert found.keys() == wanted.keys()
    for name, tensor in wanted.items():
        assert torch.linalg.norm(found[name] - tensor) <= ADAPTER_TOLERANCE * torch.linalg.norm(tensor), name


def losses_of(staged):
    return [json.loads(line)["loss"] for line in staged["history.jsonl"].decode().splitlines()]


def test_two_processes_stopped_by_a_signal_save_first_and_end_at_the_adapter_of_one(world, config, one_process):
    process = world.start("two", environment=TWO, config=config)
    wait_for(world.volume.checkpoints("two") / "step-2", process)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=PATIENCE_SECONDS)
    body = world.s3.get_object(Bucket=BUCKET, Key=RunKeys("two").progress)["Body"].read()
    progress = Progress.model_validate_json(body)
    assert (process.returncode, world.outcome("two").error) == (28, "TrainingInterruptedError")
    assert progress.step == progress.checkpoint_step < STEPS

    code, log = world.run("two", environment=TWO, config=config)
    assert code == 0, log
    staged = world.staged("two")
    metrics, expected = (Metrics.model_validate_json(item["metrics.json"]).training for item in (staged, one_process))
    assert metrics.resumed_from_step == progress.step
    assert (metrics.samples_seen, metrics.tokens_seen) == (expected.samples_seen, expected.tokens_seen)
    assert losses_of(staged) == pytest.approx(losses_of(one_process), rel=LOSS_TOLERANCE)
    assert_same_adapter(staged, one_process)


def test_the_death_of_a_process_ends_the_launch_and_one_process_goes_on_where_two_were(world, config, one_process):
    process = world.start("bereft", environment=TWO, config=config)
    wait_for(world.volume.checkpoints("bereft") / "step-2", process)
    os.kill(pid_of_rank(process, 1), signal.SIGKILL)
    process.communicate(timeout=PATIENCE_SECONDS)
    outcome = world.outcome("bereft")
    assert (process.returncode, outcome.error) == (29, "TrainingFailedError")
    assert "Process 2 of 2 died without a word" in outcome.message

    code, log = world.run("bereft", config=config)
    assert code == 0, log
    assert_same_adapter(world.staged("bereft"), one_process)


def pid_of_rank(launch, rank):
    """Return the process id of a rank below a launch: torchrun's children in the order of their ranks."""
    (torchrun,) = children_of(launch.pid)
    return next(pid for pid in children_of(torchrun) if f"RANK={rank}".encode() in environment_of(pid))


def children_of(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def environment_of(pid):
    return Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
