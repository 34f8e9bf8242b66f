"""One execution environment of a function: a process that runs `python -m awslambdaric` and the API it polls."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from fine_tune_slm.localcloud.log_sink import LogSink
from fine_tune_slm.localcloud.processes import kill_group
from fine_tune_slm.localcloud.runtime.runtime_api import Invocation, RuntimeApi

# AWS allows 10 s; a laptop whose two cores are busy with training may need longer to import the same handler.
_INIT_SECONDS = 60.0


@dataclass(frozen=True)
class SandboxSpec:
    """What a sandbox runs: the code's directory, the handler's name, the process' whole environment, its Python."""

    code: Path
    handler: str
    environment: dict[str, str]
    python: Path


@dataclass(frozen=True)
class Outcome:
    """What an invocation gave: the payload, and whether it is an error."""

    payload: bytes
    is_error: bool


class Sandbox:
    """A warm process that takes one invocation at a time."""

    def __init__(self, spec: SandboxSpec, sink: LogSink) -> None:
        self._sink = sink
        self._api = RuntimeApi()
        self._process = subprocess.Popen(
            [spec.python, "-m", "awslambdaric", spec.handler],
            cwd=spec.code,
            env={**spec.environment, "AWS_LAMBDA_RUNTIME_API": self._api.address, "_HANDLER": spec.handler},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._pump = threading.Thread(target=self._pump_output, name="lambda output", daemon=True)
        self._pump.start()

    @property
    def is_alive(self) -> bool:
        """Return whether the process can take another invocation."""
        return self._process.poll() is None

    def invoke(self, invocation: Invocation) -> Outcome:
        """Return what the handler answered; the sandbox is gone after a timeout, an exit or an error at init."""
        self._api.is_initialised.wait(_INIT_SECONDS)
        began = time.monotonic()
        self._sink.write([f"START RequestId: {invocation.request_id}"])
        outcome = self._outcome(invocation)
        duration_ms = (time.monotonic() - began) * 1000
        self._sink.write(
            [
                f"END RequestId: {invocation.request_id}",
                f"REPORT RequestId: {invocation.request_id}\tDuration: {duration_ms:.2f} ms",
            ]
        )
        self._sink.flush()
        return outcome

    def close(self) -> None:
        """End the process and its API."""
        kill_group(self._process)
        self._pump.join(timeout=5)
        self._api.close()
        self._sink.close()

    def _outcome(self, invocation: Invocation) -> Outcome:
        if self.is_alive:
            self._api.submit(invocation)
        is_timely = not self.is_alive or invocation.finished.wait(invocation.timeout_seconds)
        if invocation.result is not None:
            return Outcome(invocation.result, is_error=False)
        if invocation.error is not None:
            return Outcome(invocation.error, is_error=True)
        kill_group(self._process)
        if self._api.init_error is not None:
            return Outcome(self._api.init_error, is_error=True)
        return _lost(invocation, is_timely=is_timely)

    def _pump_output(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  (stdout=PIPE above)
        with self._process.stdout as stream:
            for line in stream:
                self._sink.write([line.decode(errors="replace").rstrip("\n")])
        self._process.wait()
        self._api.abandon()


def _lost(invocation: Invocation, *, is_timely: bool) -> Outcome:
    if is_timely:
        error = ("Runtime.ExitError", "Error: Runtime exited without providing a reason")
    else:
        error = ("Sandbox.Timedout", f"Error: Task timed out after {invocation.timeout_seconds:.2f} seconds")
    message = {"errorType": error[0], "errorMessage": f"RequestId: {invocation.request_id} {error[1]}"}
    return Outcome(json.dumps(message).encode(), is_error=True)
