"""Starts a launch as several processes through torchrun and says how all of them together ended.

It must not import torch: torchrun does, and each of the processes.
"""

from __future__ import annotations

import ctypes
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from slm_core.errors import FineTuneSlmError, TrainingFailedError, TrainingInterruptedError, leaves
from slm_core.layout import VolumePaths
from slm_core.records import Outcome

from training.interruption import Interruption

# docker stop waits 120 seconds (template.yaml)
SAVING_SECONDS = 100
SIGNAL_AT_PARENTS_DEATH = 1


@dataclass(frozen=True)
class RankRequest:
    """What every process of a launch is started with."""

    run_uri: str
    run_id: str
    fence: int
    volume: VolumePaths

    def outcome(self, rank: int) -> Path:
        """Return where a process says how it ended."""
        return self.volume.run(self.run_id) / "ranks" / f"{rank}.json"


def train_in_processes(request: RankRequest, count: int, interruption: Interruption) -> None:
    """Run a launch in `count` processes.

    Raises: what the process that failed first has raised; TrainingFailedError when one died without a word.
    """
    directory = request.outcome(0).parent
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    # no thread of this process holds a lock that the child could wait for
    process = subprocess.Popen(torchrun_command(request, count), preexec_fn=_die_with_the_parent)  # noqa: PLW1509
    with interruption.passed_on(lambda: process.send_signal(signal.SIGTERM)):
        code = process.wait()
    ends = [_read(request.outcome(rank)) for rank in range(count)]
    error = verdict(ends, was_asked_to_stop=interruption.is_requested)
    if error is not None:
        raise error
    if code != 0:
        raise TrainingFailedError(f"torchrun ended with exit code {code}")


def torchrun_command(request: RankRequest, count: int) -> list[str]:
    """Return the command of a launch: torchrun on this machine alone, which ends all processes when one fails."""
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(count)]
    # the others of a process that failed wait for it in vain: nothing of theirs is worth a restart
    rendezvous = ["--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0", "--local-addr", "127.0.0.1"]
    limits = ["--max-restarts", "0", "--shutdown-timeout", str(SAVING_SECONDS)]
    rank = ["-m", "training.rank", request.run_uri, str(request.fence), str(request.volume.root)]
    return [*torchrun, *rendezvous, *limits, *rank]


@dataclass(frozen=True)
class RankEnd:
    """How a process ended: its outcome and when it was written; still "running" when it died without a word."""

    outcome: Outcome | None
    written_ns: int


def verdict(ends: Sequence[RankEnd], *, was_asked_to_stop: bool) -> FineTuneSlmError | None:
    """Return the error of the whole launch, the cause rather than what followed from it, or None after success.

    When one process fails, the others fail too, in the middle of a sum or by torchrun's signal.
    """
    failed = sorted((end for end in ends if end.outcome and end.outcome.error), key=lambda end: end.written_ns)
    errors = [error_of(end.outcome) for end in failed if end.outcome]
    consequences = (TrainingFailedError, TrainingInterruptedError)
    causes = [error for error in errors if not isinstance(error, consequences)]
    silent = [rank for rank, end in enumerate(ends) if end.outcome is None or end.outcome.status == "running"]
    if causes:
        return causes[0]
    if was_asked_to_stop and (errors or silent):
        return TrainingInterruptedError("The process was asked to stop")
    if silent:
        named = ", ".join(str(rank + 1) for rank in silent)
        return TrainingFailedError(f"Process {named} of {len(ends)} died without a word")
    return next((error for error in errors if isinstance(error, TrainingFailedError)), errors[0] if errors else None)


def error_of(outcome: Outcome) -> FineTuneSlmError:
    """Return the error that an outcome tells of."""
    leaf = leaves()[outcome.error or TrainingFailedError.__name__]
    return leaf((outcome.message or "").removesuffix(leaf.remedy).strip())


def _read(path: Path) -> RankEnd:
    try:
        return RankEnd(Outcome.model_validate_json(path.read_bytes()), path.stat().st_mtime_ns)
    except (FileNotFoundError, ValueError):
        return RankEnd(None, 0)


def _die_with_the_parent() -> None:
    # outside a container nothing else would end torchrun when this process is killed
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SIGNAL_AT_PARENTS_DEATH, signal.SIGTERM)
