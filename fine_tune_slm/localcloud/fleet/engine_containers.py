"""Containers that a real engine of this machine runs, podman or docker: the image is used and not only its program."""

from __future__ import annotations

import os
import subprocess

from fine_tune_slm.localcloud.fleet.containers import Container, Launch
from fine_tune_slm.localcloud.host.docker_arguments import RunRequest
from fine_tune_slm.localcloud.log_sink import LogSink
from fine_tune_slm.localcloud.settings import EngineProgram

# What a container on the real host finds by itself (region, credentials of the instance), and how this machine is used.
_PASSED_IN = ("AWS_", "HF_HUB_", "OMP_", "MKL_")
_KILL_SECONDS = 30


class EngineContainer(Container):
    """A container behind an attached `podman run`, which hands on its output, its exit code and SIGTERM."""

    def __init__(self, request: RunRequest, engine: EngineProgram, environment: dict[str, str], sink: LogSink) -> None:
        self._engine = engine
        super().__init__(request, engine_launch(request, engine, environment), sink)

    def kill(self) -> None:
        """End the container: to kill the program that started it would leave it running."""
        if self.state.is_running:
            subprocess.run(
                [self._engine.path, "kill", self.request.name],
                env=_engine_environment(self._engine),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # it may have ended meanwhile
                timeout=_KILL_SECONDS,
                check=False,
            )
            self.wait(_KILL_SECONDS)
        super().kill()


def engine_launch(request: RunRequest, engine: EngineProgram, environment: dict[str, str]) -> Launch:
    """Return the engine's own `run`, as the host was asked for it: paths inside stay those of the image."""
    values = {name: value for name, value in environment.items() if name.startswith(_PASSED_IN)} | request.environment
    mounts = [f"--volume={outside}:{inside}" for inside, outside in request.mounts.items()]
    # names alone: a value in the command line could be read by everybody on this machine
    variables = [f"--env={name}" for name in sorted(values)]
    options = ["--rm", f"--name={request.name}", "--network=host", *mounts, *variables]
    command = [str(engine.path), "run", *options, request.image, *request.arguments]
    return Launch(command, _engine_environment(engine) | values, environment["HOME"])


def _engine_environment(engine: EngineProgram) -> dict[str, str]:
    own = {name: os.environ[name] for name in ("PATH", "HOME", "DOCKER_HOST", "XDG_RUNTIME_DIR") if name in os.environ}
    return own | engine.environment
