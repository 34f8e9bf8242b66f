"""`fine-tune-slm serve` as a process, with a stand-in for the training code: it answers, keeps nothing, and ends."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from fine_tune_slm.kept_runs import KeptRuns

WORD = "Quetzalcoatl-7731"
CANARY = f"Synthetic canary {WORD}"
PATIENCE_SECONDS = 120
TRAINING = """
import json, os, sys, time
from extraction.answer_line import evidenced_line
from extraction.parser import record_of
assert sys.argv[1] == "extract" and sys.argv[-4:] == ["--jsonl", "--evidence", "--one-by-one", "-"]
assert os.environ["HF_HUB_OFFLINE"] == "1"
if "lazy" in sys.argv[3]:
    sys.exit(3)
for line in sys.stdin:
    note = json.loads(line)
    if "die" in note:
        os._exit(9)
    if "be slow" in note:
        time.sleep(600)
    print(evidenced_line(record_of({"stage": "IV"}), note), flush=True)
"""


@dataclass(frozen=True)
class Checkout:
    """A project with a stand-in training package, and a kept run, all below one directory."""

    directory: Path

    def command(self, *options: str) -> list[str]:
        model = self.directory / "model"
        start = [sys.executable, "-m", "fine_tune_slm.cli", "serve", "--root", str(self.directory / "local")]
        return [*start, "--model", str(model), "--port", "0", *options]

    def start(self, *options: str) -> subprocess.Popen[str]:
        home = str(self.directory / "home")
        return subprocess.Popen(
            self.command(*options),
            cwd=self.directory / "project",
            env=os.environ | {"HOME": home, "TMPDIR": home, "XDG_CACHE_HOME": home},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # a shell's background job ignores it, and hands that down to the tests
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
        )

    def files_with(self, words: str) -> list[str]:
        """Return the files of the directory that hold these words."""
        files = [path for path in self.directory.rglob("*") if path.is_file()]
        return [str(path) for path in files if words.encode() in path.read_bytes()]


@pytest.fixture
def checkout(tmp_path, make_archive) -> Checkout:
    for name, content in {
        "template.yaml": "",
        "config/aws_config.yml": "",
        "training/__init__.py": "",
        "training/__main__.py": TRAINING,
    }.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    (tmp_path / "home").mkdir()
    (tmp_path / "model").mkdir()
    (tmp_path / "lazy").mkdir()
    runs = KeptRuns(tmp_path / "local")
    make_archive(runs.run("run-1").directory / "s3" / "bucket" / "models" / "run-1")
    runs.mark_latest(runs.run("run-1"))
    return Checkout(tmp_path)


@dataclass(frozen=True)
class Served:
    """A running server."""

    process: subprocess.Popen[str]
    port: int

    def post(self, body: object, **headers: str) -> tuple[int, str]:
        """Return status and body of one request to /extract."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        try:
            sent = body if isinstance(body, bytes) else json.dumps(body).encode()
            connection.request("POST", "/extract", sent, {"Content-Type": "application/json"} | headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def end(self, number: int = signal.SIGINT) -> tuple[int, str, str]:
        """Return exit code and output after a signal."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=PATIENCE_SECONDS)
        return self.process.returncode, out, err


@pytest.fixture
def served(checkout):
    process = checkout.start()
    line = process.stdout.readline()
    found = re.search(r"^http://127\.0\.0\.1:(\d+)/ reads notes with run run-1", line)
    assert found, line + process.stderr.read()
    yield Served(process, int(found[1]))
    if process.poll() is None:
        process.kill()
        process.communicate()


def test_what_is_pasted_is_in_no_log_and_no_file_whatever_becomes_of_it(served, checkout):
    assert served.post({"input": f"{CANARY}: stage IV"})[0] == 200
    assert served.post({"input": f"{CANARY}, please die"})[0] == 503
    assert served.post({"input": f"{CANARY}: stage IV"})[0] == 200
    assert served.post(f"{CANARY} is no JSON".encode())[0] == 400
    assert served.post({"input": CANARY * 2000})[0] == 413
    assert served.post({"input": CANARY * 200_000})[0] == 413
    assert served.post({"input": CANARY}, Host=f"{WORD}.example")[0] == 403
    assert served.post({"input": CANARY}, Origin=f"http://{WORD}.example")[0] == 403
    code, out, err = served.end()
    assert code == 0
    assert "Traceback" not in err
    assert WORD not in out + err
    assert checkout.files_with(WORD) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_ends_server_and_model_also_while_a_note_is_read(number, served):
    slow = threading.Thread(target=lambda: unanswered(served), daemon=True)
    slow.start()
    children = wait_for(lambda: children_of(served.process.pid))
    time.sleep(0.5)
    code, _out, err = served.end(number)
    assert (code, err.splitlines()[-1]) == (0, "Ended. No note was kept.")
    assert "Traceback" not in err
    assert not any(Path(f"/proc/{child}").exists() for child in children)


def test_the_first_answer_is_the_model_loaded_and_a_model_that_does_not_load_is_told(checkout):
    process = checkout.start("--model", str(checkout.directory / "lazy"))
    out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert (process.returncode, out) == (1, "")
    assert "exit code 3" in err
    assert "Traceback" not in err


def test_a_port_that_is_taken_is_told_before_a_model_is_loaded(checkout):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = checkout.start("--port", str(taken.getsockname()[1]))
        _, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 2
    assert "Address already in use" in err
    assert "Loading" not in err


def test_an_address_that_others_reach_needs_a_word_more_and_is_warned_of(checkout):
    refused = checkout.start("--host", "0.0.0.0")
    _, err = refused.communicate(timeout=PATIENCE_SECONDS)
    assert refused.returncode == 2
    assert "--allow-remote" in err
    allowed = checkout.start("--host", "0.0.0.0", "--allow-remote", "--model", str(checkout.directory / "lazy"))
    _, err = allowed.communicate(timeout=PATIENCE_SECONDS)
    assert "notes travel unencrypted" in err


def unanswered(served: Served) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        served.post("Synthetic: be slow")


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for(condition):
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found
