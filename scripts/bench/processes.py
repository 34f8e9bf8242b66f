"""The directing side: one process a contender, told to go one at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.bench.plan import ROOT

# what a worker must not do: ask the Hub, report, or fight over the tokenizer's threads
QUIET = {
    "HF_HUB_OFFLINE": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "WANDB_MODE": "disabled",
    # the project's own setting, given to everybody: idle OpenMP threads sleep instead of burning CPU seconds
    "GOMP_SPINCOUNT": "0",
}
LOG_LINES_SHOWN = 15


class WorkerDiedError(RuntimeError):
    """A contender ended before it had answered."""


class Worker:
    """A contender's process as the directing side sees it."""

    def __init__(self, name: str, process: subprocess.Popen[str], log: Path) -> None:
        self.name = name
        self._process = process
        self._log = log

    def turn(self) -> dict[str, Any]:
        """Let the contender work until it answers, and return the answer."""
        assert self._process.stdin is not None  # noqa: S101 -- it was opened with a pipe
        try:
            self._process.stdin.write("go\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._died() from None
        return self.answer()

    def answer(self) -> dict[str, Any]:
        """Return the contender's next answer.

        Raises: WorkerDiedError with the end of its log.
        """
        assert self._process.stdout is not None  # noqa: S101
        line = self._process.stdout.readline()
        if not line:
            raise self._died()
        return dict(json.loads(line))

    def _died(self) -> WorkerDiedError:
        status = self._process.wait()
        how = f"signal {-status}; if 9, perhaps for want of memory" if status < 0 else f"exit code {status}"
        tail = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES_SHOWN:]
        return WorkerDiedError("\n".join([f"{self.name} ended before it had answered ({how}); its log ends:", *tail]))


@contextmanager
def started(name: str, plan_file: Path) -> Iterator[Worker]:
    """Start a contender and wait until it is ready for its first turn; it is ended with the block."""
    log = plan_file.with_name(f"{name}.log")
    with log.open("w", encoding="utf-8") as stderr:
        process = _popen(name, plan_file, stderr)
    worker = Worker(name, process, log)
    try:
        worker.answer()
        yield worker
    finally:
        process.kill()
        process.wait()


def _popen(name: str, plan_file: Path, stderr: Any) -> subprocess.Popen[str]:
    paths = os.pathsep.join(filter(None, (str(ROOT), str(ROOT / "core"), os.environ.get("PYTHONPATH"))))
    return subprocess.Popen(
        [sys.executable, "-m", "scripts.bench.worker", name, str(plan_file)],
        cwd=ROOT,
        env=os.environ | QUIET | {"PYTHONPATH": paths},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )
