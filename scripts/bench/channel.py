"""The worker's end of the pipe: it waits for its turn, and says in lines of JSON what the turn cost.

Libraries print whatever they like, so the real standard output is kept for the protocol and theirs goes to the log.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import platform
import resource
import sys
import time
from pathlib import Path
from typing import Any


class Channel:
    """Where a worker hears "go" and answers."""

    def __init__(self) -> None:
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)

    def say(self, event: str, **content: Any) -> None:
        """Tell the directing process."""
        print(json.dumps({"event": event, **content}), file=self._out, flush=True)

    def wait(self) -> None:
        """Sleep until it is this process's turn, giving back memory that is free: five sleepers must fit beside it.

        Raises: SystemExit when the directing process is gone.
        """
        gc.collect()
        if platform.libc_ver()[0] == "glibc":
            ctypes.CDLL(None).malloc_trim(0)
        if not sys.stdin.readline():
            raise SystemExit(1)


class Stopwatch:
    """CPU seconds of all threads of this process, and wall-clock seconds, since it was made."""

    def __init__(self) -> None:
        self._cpu, self._wall = _cpu_seconds(), time.monotonic()

    def read(self) -> dict[str, float]:
        """Return both."""
        return {"cpu_seconds": _cpu_seconds() - self._cpu, "wall_seconds": time.monotonic() - self._wall}


def peak_memory_mb() -> float:
    """Return the most resident memory that this process has had, in 10^6 bytes."""
    status = Path("/proc/self/status")
    if status.exists():  # ru_maxrss would tell the parent's too, which exec hands on
        line = next(line for line in status.read_text(encoding="utf-8").splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6
    unit_bytes = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit_bytes / 1e6


def _cpu_seconds() -> float:
    spent = os.times()
    return spent.user + spent.system
