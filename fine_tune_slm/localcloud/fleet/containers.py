"""Containers of the emulated host: processes of this machine that outlive the `docker run` that asked for them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fine_tune_slm.localcloud.host.docker_arguments import RunRequest, mapped_path
from fine_tune_slm.localcloud.log_sink import LogSink
from fine_tune_slm.localcloud.processes import kill_group, kill_rest_of_group, signal_group

_KILLED_EXIT_CODE = 137


@dataclass(frozen=True)
class ContainerState:
    """What `docker inspect` and `docker ps` tell about a container."""

    name: str
    image: str
    labels: dict[str, str]
    is_running: bool
    exit_code: int
    oom_killed: bool


@dataclass(frozen=True)
class Launch:
    """The process that is a container, or that holds one."""

    command: list[str]
    environment: dict[str, str]
    directory: str


def process_launch(request: RunRequest, entry_point: Sequence[str], environment: dict[str, str]) -> Launch:
    """Return a container's entry point as a process of this machine, its paths led to where they are mounted from."""
    command = [*entry_point, *(mapped_path(argument, request.mounts) for argument in request.arguments)]
    asked = {name: mapped_path(value, request.mounts) for name, value in request.environment.items()}
    return Launch(command, environment | asked, environment["HOME"])


class Container:
    """A started container; its output goes to the log driver and to whoever is attached."""

    def __init__(self, request: RunRequest, launch: Launch, sink: LogSink) -> None:
        self.request = request
        self._sink = sink
        self._lines: list[str] = []
        self._changed = threading.Condition()
        self._is_over = False
        self._process = subprocess.Popen(
            launch.command,
            env=launch.environment,
            cwd=launch.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._reaper = threading.Thread(target=self._reap, name=f"reaper {request.name}", daemon=True)
        self._reaper.start()
        self._pump = threading.Thread(target=self._pump_output, name=f"container {request.name}", daemon=True)
        self._pump.start()

    @property
    def pid(self) -> int:
        """Return the id of the container's first process."""
        return self._process.pid

    @property
    def state(self) -> ContainerState:
        """Return how the container stands."""
        code = self._process.returncode
        exit_code = 0 if code is None else code if code >= 0 else 128 - code
        # Nothing limits the memory of a local container, so the kernel never kills it for its own limit.
        request = self.request
        return ContainerState(
            request.name, request.image, request.labels, not self._is_over, exit_code, oom_killed=False
        )

    def follow(self) -> Iterator[str]:
        """Yield the container's output from its beginning until it has ended."""
        position = 0
        while True:
            with self._changed:
                while position >= len(self._lines) and not self._is_over:
                    self._changed.wait()
                fresh = self._lines[position:]
                if not fresh:
                    return
            position += len(fresh)
            yield from fresh

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Return whether the container ended within the time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._is_over, timeout_seconds)

    def stop(self, timeout_seconds: float) -> None:
        """Send SIGTERM to the first process, as docker does, and end all of them when the time is over."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._process.pid, signal.SIGTERM)
        if not self.wait(timeout_seconds):
            self.kill()

    def terminate(self) -> None:
        """Send SIGTERM and return at once."""
        signal_group(self._process, signal.SIGTERM)

    def kill(self) -> None:
        """End every process of the container."""
        kill_group(self._process)
        self.wait(5)

    def _pump_output(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  (stdout=PIPE above)
        with self._process.stdout as stream:
            for raw in stream:
                self._take(raw.decode(errors="replace").rstrip("\n"))
        self._reaper.join()
        self._sink.close()
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def _reap(self) -> None:
        """End what the first process leaves behind: a container ends with it, whoever else holds its output open."""
        self._process.wait()
        kill_rest_of_group(self._process)

    def _take(self, line: str) -> None:
        self._sink.write([line])
        with self._changed:
            self._lines.append(line)
            self._changed.notify_all()
