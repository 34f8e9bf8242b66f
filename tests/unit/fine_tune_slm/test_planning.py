"""`plan`: the training's own plan under the exit codes of the command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fine_tune_slm.planning import PlanOptions
from fine_tune_slm.project import find_project

PROJECT = find_project()
ENVIRONMENT = os.environ | {"PYTHONPATH": f"{PROJECT}{os.pathsep}{PROJECT / 'core'}"}


def plan(*arguments: str, cwd: Path = PROJECT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fine_tune_slm.cli", "plan", *arguments]
    return subprocess.run(command, cwd=cwd, env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=120)


def test_a_plan_tells_time_memory_and_dollars_from_any_directory(tmp_path):
    answer = plan("--gpu", "l4", "--json", cwd=tmp_path)
    assert answer.returncode == 0, answer.stderr
    document = json.loads(answer.stdout)
    assert document["instance_type"] == "g6.2xlarge"
    assert document["variants"][0]["cost_usd"]["low"] > 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--gpu", "abacus"], "No GPU of that name is known (known: l4, a10g"),
        (["--config", "absent.yml"], "absent.yml"),
        (["--prices", "absent.yml"], "absent.yml"),
        (["--model", "absent"], "config.json"),
        (["--dataset", "absent"], "add --model DIR"),
        (["--gpus", "64"], "64 GPUs"),
    ],
)
def test_what_cannot_be_planned_is_one_line_with_a_remedy_that_fits(arguments, words):
    answer = plan(*arguments)
    assert answer.returncode == 2
    [line] = answer.stderr.splitlines()
    assert line.startswith("fine-tune-slm: ")
    assert line.endswith("Correct the named option or file; what each option takes says: fine-tune-slm plan --help")
    assert words in line


def test_a_gpu_without_a_known_price_is_planned_and_that_is_said():
    answer = plan("--gpu", "A100")
    assert answer.returncode == 0, answer.stderr
    assert "no price of p4d.24xlarge is known" in answer.stdout


def test_paths_are_made_whole_because_the_plan_runs_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = PlanOptions(Path("mine.yml"), "l4", 1, Path("model"), Path("notes"), None, is_json=False)
    arguments = list(options.arguments(PROJECT))
    named = dict(zip(arguments[::2], arguments[1::2], strict=True))
    assert {name: named[name] for name in ("--config", "--model", "--dataset")} == {
        "--config": str(tmp_path / "mine.yml"),
        "--model": str(tmp_path / "model"),
        "--dataset": str(tmp_path / "notes"),
    }
