"""A process that has imported what a training needs and forks for every launch: a launch then starts at once.

The fork is what `python -m training` would be after its imports, and it can be killed like any process.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import asdict, dataclass, field
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
NEW_USER_AND_MOUNTS = 0x10000000 | 0x00020000
SMALL_DISK = b"size=160k"
NOT_POSSIBLE_HERE = 98


@dataclass(frozen=True)
class KillPoint:
    """When a launch is killed: so many calls and returns after a function was entered for the n-th time.

    Without a delay it kills itself, exactly there; otherwise the test does, so many seconds later.
    """

    function: str
    occurrence: int
    events: int
    delay_seconds: float | None = None


@dataclass
class Forked:
    """How a forked launch ended: its exit code, negative for a signal, and its log."""

    code: int
    log: str


@dataclass
class Warmed:
    """The client of one warmed process."""

    directory: Path
    environment: dict[str, str]
    _server: subprocess.Popen[str] = field(init=False)

    def __enter__(self) -> Warmed:
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.rehearsal.warmed"],
            cwd=PROJECT,
            env=os.environ | self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._answer() == {"is_ready": True}
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server.stdin is not None
        self._server.stdin.close()
        self._server.wait(timeout=60)
        assert self._server.stdout is not None
        self._server.stdout.close()

    def run(self, arguments: list[str], point: KillPoint | None = None, fault: tuple[str, str] | None = None) -> Forked:
        """Run `python -m training ARGUMENTS` to its end, or kill it at the point.

        A fault is one of FAULTS and the run's directory, whose outcome.json is kept beside the log.
        """
        log = self.directory / "log"
        request = {"arguments": arguments, "log": str(log), "point": asdict(point) if point else None, "fault": fault}
        assert self._server.stdin is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        answer = self._answer()
        if "pid" in answer:
            time.sleep(point.delay_seconds if point and point.delay_seconds else 0)
            os.kill(answer["pid"], signal.SIGKILL)
            answer = self._answer()
        return Forked(answer["code"], log.read_text(encoding="utf-8"))

    def _answer(self) -> dict[str, int]:
        assert self._server.stdout is not None
        line = self._server.stdout.readline()
        assert line, "the warmed process has ended"
        return dict(json.loads(line))


def serve() -> None:
    """Fork for every line of stdin and tell on stdout how the fork ended."""
    from training import card, cli, host, plots  # noqa: F401
    from training.job import run_job  # noqa: F401

    _say({"is_ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            _run(request)
        _, status = os.waitpid(child, 0)
        _say({"code": os.waitstatus_to_exitcode(status)})


def _run(request: dict) -> None:
    from training.cli import main

    descriptor = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(descriptor, 2)
    code = 99
    try:
        if request["fault"]:
            name, directory = request["fault"]
            FAULTS[name](Path(directory))
        if request["point"]:
            sys.setprofile(Trap(KillPoint(**request["point"])))
        code = main(request["arguments"])
        if request["fault"]:
            shutil.copy(Path(directory) / "outcome.json", f"{request['log']}.outcome")
    except BaseException:  # noqa: BLE001 -- a fork must never return into the server
        traceback.print_exc()
    finally:
        os._exit(code)


def _shrink_the_disk(directory: Path) -> None:
    """Put a small disk of the process's own there; without user namespaces nothing can be said."""
    libc = ctypes.CDLL(None, use_errno=True)
    directory.mkdir(parents=True, exist_ok=True)
    owner, group = os.getuid(), os.getgid()
    if libc.unshare(NEW_USER_AND_MOUNTS):
        os._exit(NOT_POSSIBLE_HERE)
    for name, content in (("setgroups", "deny"), ("uid_map", f"0 {owner} 1"), ("gid_map", f"0 {group} 1")):
        Path("/proc/self", name).write_text(content)
    if libc.mount(b"tmpfs", os.fsencode(directory), b"tmpfs", 0, SMALL_DISK):
        os._exit(NOT_POSSIBLE_HERE)


def _hold_the_memory(_directory: Path) -> None:
    """Let the training have no more memory than the process holds when it begins."""
    from training import job

    run_training = job.run_training

    def limited(*arguments: object) -> object:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        return run_training(*arguments)

    job.run_training = limited


FAULTS = {"small disk": _shrink_the_disk, "no more memory": _hold_the_memory}


class Trap:
    """A profile function that ends the process at a point of its way."""

    def __init__(self, point: KillPoint) -> None:
        self._point = point
        self._entered = 0
        self._events_left = point.events

    def __call__(self, frame, event, _argument) -> None:
        if self._entered < self._point.occurrence:
            self._entered += event == "call" and frame.f_code.co_name == self._point.function
            return
        if self._events_left > 0:
            self._events_left -= 1
            return
        sys.setprofile(None)
        if self._point.delay_seconds is None:
            os.kill(os.getpid(), signal.SIGKILL)
        _say({"pid": os.getpid()})


def _say(message: dict) -> None:
    os.write(1, (json.dumps(message) + "\n").encode())


if __name__ == "__main__":
    serve()
