"""A rehearsal that runs in one terminal is looked at, listed and stopped from another, by the verbs of a real stack."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.rehearsal.test_rehearse_interrupted import PROJECT, command_lines, wait_for_line

ENVIRONMENT = os.environ | {"PYTHONPATH": f"{PROJECT}{os.pathsep}{PROJECT / 'core'}", "PYTHONUNBUFFERED": "1"}
PATIENCE_SECONDS = 240.0
CLI = [sys.executable, "-m", "fine_tune_slm.cli"]


@pytest.fixture
def rehearsal(tiny_project, tiny_model, tiny_dataset, tmp_path) -> Iterator[subprocess.Popen[str]]:
    """A rehearsal that trains for longer than the test, with its root as `tmp_path/local`."""
    command = [*CLI, "rehearse", "--run-name", "elsewhere", "--root", str(tmp_path / "local"), "--wait-scale", "0.1"]
    command += ["--model", str(tiny_model), "--dataset", str(tiny_dataset), "--config", "training_config.tiny.yml"]
    command += ["--input", '{"training": {"epochs": 99}}']
    process = subprocess.Popen(
        command, cwd=tiny_project, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with process:
        yield process
        process.kill()


def other_terminal(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*CLI, *arguments, "--root", str(root)]
    return subprocess.run(
        command, cwd=PROJECT, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=PATIENCE_SECONDS
    )


def test_the_verbs_of_a_stack_work_on_a_rehearsal_in_another_terminal(rehearsal, tmp_path):
    root = tmp_path / "local"
    seen = wait_for_line(rehearsal.stdout, "  training  ", PATIENCE_SECONDS)
    assert "  training  " in seen[-1], seen

    [row] = json.loads(other_terminal(root, "runs", "--state", "running", "--json").stdout)
    status = json.loads(other_terminal(root, "status", row["run_id"], "--json").stdout)
    assert status["status"] == "running"
    assert status["progress"]["phase"] == "training"
    assert "phase: training" in other_terminal(root, "logs").stdout
    assert "step done" in other_terminal(root, "logs", "--step", "StartTraining").stdout

    stopped = other_terminal(root, "stop", row["run_id"])
    assert stopped.returncode == 0, stopped.stderr
    assert "is ABORTED; instance" in stopped.stdout
    assert "was seen stopped." in stopped.stdout
    rest = rehearsal.communicate(timeout=PATIENCE_SECONDS)[0]
    assert "ExecutionAbortedError" in rest
    assert "NOT KNOWN TO BE STOPPED" not in rest
    assert "Traceback" not in rest
    assert not [line for line in command_lines() if str(root) in line]
