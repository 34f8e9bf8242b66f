"""Starting and ending process groups that this program started, and no others."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess

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


def end_group(process: subprocess.Popen[bytes], grace_seconds: float) -> None:
    """Ask the process group to end, and end it when the grace period is over."""
    signal_group(process, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=grace_seconds)
    kill_group(process)
