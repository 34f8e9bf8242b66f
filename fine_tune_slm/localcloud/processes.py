"""Starting and ending process groups that this program started, and no others."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path

_POLL_SECONDS = 5.0


def signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Send a signal to the process group that this process leads, unless it has ended already."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """End the process group at once and reap its leader."""
    signal_group(process, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=_POLL_SECONDS)


def kill_rest_of_group(leader: subprocess.Popen[bytes]) -> None:
    """End what is left of a group whose leader has been reaped just now, before its id can be given out again."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader.pid, signal.SIGKILL)


def kill_marked(variable: str, value: str) -> None:
    """End every process that has this environment variable with this value, a secret that only our own can have.

    It finds those that left their process group. Where there is no /proc it does nothing.
    """
    mark = f"{variable}={value}".encode()
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (directory / "environ").read_bytes().split(b"\0"):
                os.kill(int(directory.name), signal.SIGKILL)
