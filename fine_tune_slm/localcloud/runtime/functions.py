"""Invoking functions: finds or starts a warm sandbox with the template's environment and the function's role."""

from __future__ import annotations

import contextlib
import os
import threading
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fine_tune_slm.localcloud.clients import Clients
from fine_tune_slm.localcloud.errors import ClosingError
from fine_tune_slm.localcloud.log_sink import LogSink, LogStream
from fine_tune_slm.localcloud.runtime.function_files import extracted, mapped_environment
from fine_tune_slm.localcloud.runtime.runtime_api import Invocation
from fine_tune_slm.localcloud.runtime.sandbox import Outcome, Sandbox, SandboxSpec
from fine_tune_slm.localcloud.settings import LocalCloudSettings

# What a sandbox takes over from this machine: enough to find the interpreter's own libraries.
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "SYSTEMROOT")


@dataclass(frozen=True)
class FunctionVersion:
    """A published function, as far as running it needs to know it."""

    name: str
    arn: str
    version: str
    role_arn: str
    handler: str
    runtime: str
    memory_mb: int
    timeout_seconds: float
    variables: dict[str, str]
    code: bytes
    layers: Sequence[bytes]


class Functions:
    """The warm sandboxes of all functions."""

    def __init__(self, clients: Clients, root: Path, endpoint_url: str, settings: LocalCloudSettings) -> None:
        self._clients = clients
        self._root = root
        self._endpoint_url = endpoint_url
        self._region = settings.region
        self._python = settings.lambda_python
        self._idle: dict[str, list[Sandbox]] = {}
        self._all: list[Sandbox] = []
        self._lock = threading.Lock()
        self._is_closed = False

    def invoke(self, function: FunctionVersion, body: bytes) -> Outcome:
        """Return what the handler answered to the event."""
        sandbox = self._take(function)
        outcome = sandbox.invoke(Invocation(body or b"{}", function.arn, function.timeout_seconds))
        self._give_back(function, sandbox)
        return outcome

    def invoke_later(self, function: FunctionVersion, body: bytes) -> None:
        """Start an asynchronous invocation; its answer is dropped, as AWS drops it."""

        def invoke() -> None:
            with contextlib.suppress(ClosingError):
                self.invoke(function, body)

        threading.Thread(target=invoke, name=f"event {function.name}", daemon=True).start()

    def close(self) -> None:
        """End every sandbox."""
        with self._lock:
            self._is_closed = True
            sandboxes, self._all = self._all, []
            self._idle.clear()
        for sandbox in sandboxes:
            sandbox.close()

    def _take(self, function: FunctionVersion) -> Sandbox:
        with self._lock:
            idle = self._idle.get(function.arn, [])
            while idle:
                sandbox = idle.pop()
                if sandbox.is_alive:
                    return sandbox
        return self._start(function)

    def _start(self, function: FunctionVersion) -> Sandbox:
        spec, sink = self._spec(function), self._sink(function)
        with self._lock:
            if self._is_closed:
                sink.close()
                raise ClosingError("The emulated AWS is closing")
            sandbox = Sandbox(spec, sink)
            self._all.append(sandbox)
            return sandbox

    def _give_back(self, function: FunctionVersion, sandbox: Sandbox) -> None:
        with self._lock:
            if sandbox not in self._all:
                return
            if sandbox.is_alive:
                self._idle.setdefault(function.arn, []).append(sandbox)
                return
            self._all.remove(sandbox)
        sandbox.close()

    def _sink(self, function: FunctionVersion) -> LogSink:
        day = time.strftime("%Y/%m/%d", time.gmtime())
        stream = LogStream(f"/aws/lambda/{function.name}", f"{day}/[{function.version}]{uuid.uuid4().hex}")
        file = self._root / "logs" / "lambda" / f"{function.name}.log"
        return LogSink(self._clients.get("logs", function.role_arn), stream, file)

    def _spec(self, function: FunctionVersion) -> SandboxSpec:
        code = extracted(self._root / "lambda" / "code", [function.code])
        opt = extracted(self._root / "lambda" / "opt", function.layers)
        scratch = self._root / "lambda" / "tmp" / function.name
        scratch.mkdir(parents=True, exist_ok=True)
        directories = {"/opt": opt, "/tmp": scratch, "/var/task": code}  # noqa: S108  (a sandbox's own path)
        environment = {
            **{name: os.environ[name] for name in _PASSED_ON if name in os.environ},
            **self._identity(function),
            **mapped_environment(function.variables, directories),
            "LAMBDA_TASK_ROOT": str(code),
            "PYTHONPATH": os.pathsep.join([str(code), str(opt / "python"), str(opt)]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "TMPDIR": str(scratch),
            "HOME": str(scratch),
            "HF_HUB_DISABLE_XET": "1",  # the local Hub speaks LFS only
        }
        return SandboxSpec(code, function.handler, environment, self._python)

    def _identity(self, function: FunctionVersion) -> dict[str, str]:
        return {
            **self._clients.credentials(function.role_arn, function.name),
            "AWS_ENDPOINT_URL": self._endpoint_url,
            "AWS_REGION": self._region,
            "AWS_DEFAULT_REGION": self._region,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": function.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "TZ": ":UTC",
        }
