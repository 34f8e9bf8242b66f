"""One boot of the emulated instance: its environment, its scripts and its containers, all ended when it stops."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import fine_tune_slm
from fine_tune_slm.localcloud.clients import Clients
from fine_tune_slm.localcloud.fleet.containers import Container, process_launch
from fine_tune_slm.localcloud.fleet.document import RenderedCommand
from fine_tune_slm.localcloud.fleet.engine import Engine, EngineError
from fine_tune_slm.localcloud.fleet.engine_containers import EngineContainer
from fine_tune_slm.localcloud.host.docker import ENGINE_VARIABLE
from fine_tune_slm.localcloud.host.docker_arguments import RunRequest
from fine_tune_slm.localcloud.log_sink import LogSink, LogStream
from fine_tune_slm.localcloud.processes import kill_group, kill_marked, signal_group
from fine_tune_slm.localcloud.settings import EngineProgram

_PASSED_ON = ("LANG", "LC_ALL", "TERM", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
_PROJECT = Path(fine_tune_slm.__file__).resolve().parents[1]
_POLL_SECONDS = 0.05


@dataclass(frozen=True)
class HostSpec:
    """What every boot of an instance has in common."""

    root: Path
    volume: Path
    endpoint_url: str
    region: str
    entry_point: tuple[str, ...]
    container_engine: EngineProgram | None = None


class Host:
    """A booted instance."""

    def __init__(self, spec: HostSpec, clients: Clients, role_arn: str | None) -> None:
        self.boot_id = str(uuid.uuid4())
        self._spec = spec
        self._clients = clients
        self.logs = clients.get("logs", role_arn)
        self._scripts: list[subprocess.Popen[bytes]] = []
        self._lock = threading.Lock()
        self._is_shutting_down = False
        self._credentials = clients.credentials(role_arn, "instance") if role_arn else {}
        self.engine = Engine(self._start_container)
        self.directory = spec.root / "host"
        self._write_programs()

    @property
    def is_shutting_down(self) -> bool:
        """Return whether the instance has been told to stop."""
        return self._is_shutting_down

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment of everything that runs on the host."""
        home = self.directory / "home"
        home.mkdir(parents=True, exist_ok=True)
        self._spec.volume.mkdir(parents=True, exist_ok=True)
        path = [str(self.directory / "bin"), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
        return {
            **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            **self._credentials,
            "PATH": os.pathsep.join(path),
            "HOME": str(home),
            "PYTHONPATH": os.pathsep.join([str(_PROJECT), str(_PROJECT / "core")]),
            "PYTHONUNBUFFERED": "1",
            "AWS_ENDPOINT_URL": self._spec.endpoint_url,
            "AWS_REGION": self._spec.region,
            "AWS_DEFAULT_REGION": self._spec.region,
            "FINE_TUNE_SLM_VOLUME": str(self._spec.volume.resolve()),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            ENGINE_VARIABLE: self.engine.endpoint,
        }

    def start_script(self, command: RenderedCommand, directory: Path) -> subprocess.Popen[bytes]:
        """Return the started script, leader of its own process group.

        Raises: EngineError when the instance is stopping.
        """
        directory.mkdir(parents=True, exist_ok=True)
        file = directory.resolve() / "_script.sh"
        file.write_text(command.script, encoding="utf-8")
        file.chmod(0o700)
        with self._lock:
            if self._is_shutting_down:
                raise EngineError("the instance is stopping")
            script = subprocess.Popen(
                ["/bin/sh", "-c", shlex.quote(str(file))],
                env={**self.environment, **command.environment},
                cwd=command.working_directory or directory,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
            self._scripts.append(script)
            return script

    def shut_down(self, grace_seconds: float) -> None:
        """End everything that runs here: SIGTERM first, SIGKILL when the grace period is over."""
        with self._lock:
            self._is_shutting_down = True
            scripts = list(self._scripts)
        # Scripts first: one that sees its container end because the host goes down must not report on it.
        if grace_seconds > 0:
            for script in scripts:
                signal_group(script, signal.SIGTERM)
            self.engine.shut_down()
            self._wait_for_silence(scripts, grace_seconds)
        for script in scripts:
            kill_group(script)
        self.engine.close()
        kill_marked(ENGINE_VARIABLE, self.engine.endpoint)

    def _wait_for_silence(self, scripts: list[subprocess.Popen[bytes]], grace_seconds: float) -> None:
        end = time.monotonic() + grace_seconds
        while time.monotonic() < end:
            is_busy = any(container.state.is_running for container in self.engine.containers)
            if not is_busy and all(script.poll() is not None for script in scripts):
                return
            time.sleep(_POLL_SECONDS)

    def _start_container(self, request: RunRequest) -> Container:
        options = request.log_options
        stream = None
        if options:
            self._require_log_group(options["awslogs-group"])
            stream = LogStream(options["awslogs-group"], options.get("awslogs-stream", request.name))
        sink = LogSink(self.logs, stream, self._spec.root / "logs" / "training.log")
        if self._spec.container_engine is not None:
            return EngineContainer(request, self._spec.container_engine, self.environment, sink)
        return Container(request, process_launch(request, self._spec.entry_point, self.environment), sink)

    def _require_log_group(self, name: str) -> None:
        groups = self._clients.get("logs").describe_log_groups(logGroupNamePrefix=name)["logGroups"]
        if name not in [group["logGroupName"] for group in groups]:
            raise EngineError("failed to initialize logging driver: the specified log group does not exist")

    def _write_programs(self) -> None:
        binaries = self.directory / "bin"
        binaries.mkdir(parents=True, exist_ok=True)
        for name in ("docker", "aws"):
            program = binaries / name
            module = f"fine_tune_slm.localcloud.host.{name}"
            program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m {module} "$@"\n', encoding="utf-8")
            program.chmod(0o700)
