"""Ctrl-C in the middle of a rehearsal: the execution ends, the instance is stopped, no process is left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from fine_tune_slm.closing import ended_run
from fine_tune_slm.kept_runs import KeptRuns

PROJECT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60.0


def command_lines() -> list[str]:
    """Return the command line of every process of this machine that can be read."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


def wait_for_line(stream, wanted: str, patience_seconds: float = PATIENCE_SECONDS) -> list[str]:
    lines = []
    deadline = time.monotonic() + patience_seconds
    while time.monotonic() < deadline:
        line = stream.readline()
        lines.append(line)
        if wanted in line or not line:
            break
    return lines


@contextmanager
def rehearsing(root: Path, *arguments: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """Give a rehearsal in a process of its own, which a Ctrl-C reaches."""
    command = [sys.executable, "-m", "fine_tune_slm.cli", "rehearse", "--run-name", "interrupted"]
    command += ["--config", "training_config.tiny.yml", "--root", str(root), "--wait-scale", "0.1", *arguments]
    environment = os.environ | {"PYTHONPATH": f"{PROJECT}{os.pathsep}{PROJECT / 'core'}", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # tests in the background of a shell inherit an ignored Ctrl-C
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    with process:
        yield process


def test_ctrl_c_while_it_deploys_says_so_and_leaves_nothing_behind(tiny_project, tiny_model, tiny_dataset, tmp_path):
    root = tmp_path / "local"
    arguments = ["--model", str(tiny_model), "--dataset", str(tiny_dataset)]
    with rehearsing(root, *arguments, cwd=tiny_project) as process:
        wait_for_line(process.stdout, "starting the emulated AWS")
        time.sleep(1.0)
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=PATIENCE_SECONDS)[0]
    assert process.returncode == 130
    assert "was started: nothing of it goes on, and nothing is kept." in rest
    assert "Traceback" not in rest
    assert KeptRuns(root).all() == []
    assert not [line for line in command_lines() if str(root) in line]


def test_ctrl_c_stops_the_execution_and_the_instance_and_says_so(tiny_project, tiny_model, tiny_dataset, tmp_path):
    root = tmp_path / "local"
    arguments = ["--model", str(tiny_model), "--dataset", str(tiny_dataset)]
    arguments += ["--input", '{"training": {"epochs": 90}}']
    with rehearsing(root, *arguments, cwd=tiny_project) as process:
        seen = wait_for_line(process.stdout, "StartTraining  ")
        process.send_signal(signal.SIGINT)
        rest = process.communicate(timeout=PATIENCE_SECONDS)[0]
    assert any("StartTraining" in line for line in seen), seen
    assert process.returncode == 130
    assert "The execution is ABORTED, the instance stopped." in rest
    assert "Traceback" not in rest
    assert not [line for line in command_lines() if str(root) in line]
    [kept] = KeptRuns(root).all()
    record, timeline = kept.read_record(), kept.read_timeline()
    assert record.instance.state == "stopped"
    assert abs(record.started_at - timeline.started_at) < timedelta(seconds=1)
    card = dict(ended_run(kept).card.rows())
    assert (card["error"], card["instance"]) == ("ExecutionAbortedError", f"{record.instance.instance_id} is stopped")
    assert card["failed in"] in {"StartTraining", "AwaitTraining", "CheckTraining", "HowTrainingGoes"}
    assert "aws ec2" not in card["cause"]
