"""The Lambda Runtime API of one sandbox: what awslambdaric polls and answers.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import http.server
import queue
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

_PREFIX = "/2018-06-01/runtime"


@dataclass
class Invocation:
    """One event on its way through a handler; `finished` is set when there is an answer or there will be none."""

    body: bytes
    function_arn: str
    timeout_seconds: float
    request_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    finished: threading.Event = field(default_factory=threading.Event)
    result: bytes | None = None
    error: bytes | None = None


class RuntimeApi:
    """A loopback server that hands invocations to one runtime process and takes its answers."""

    def __init__(self) -> None:
        self.is_initialised = threading.Event()
        self.init_error: bytes | None = None
        self._waiting: queue.SimpleQueue[Invocation | None] = queue.SimpleQueue()
        self._current: Invocation | None = None
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """Return host and port, as AWS_LAMBDA_RUNTIME_API wants them."""
        return f"127.0.0.1:{self._server.server_port}"

    def submit(self, invocation: Invocation) -> None:
        """Queue an invocation for the process."""
        self._current = invocation
        self._waiting.put(invocation)

    def abandon(self) -> None:
        """Wake whoever waits for an answer: the process has ended."""
        self.is_initialised.set()
        if self._current:
            self._current.finished.set()

    def close(self) -> None:
        """Stop the server."""
        self._waiting.put(None)
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def next_invocation(self) -> Invocation | None:
        """Return the next invocation, after as long as it takes; None when the sandbox closes."""
        self.is_initialised.set()
        return self._waiting.get()

    def take(self, path: str, body: bytes) -> None:
        """Take what the process posted."""
        if path == f"{_PREFIX}/init/error":
            self.init_error = body
            return
        current = self._current
        if current is None or current.request_id not in path:
            return
        if path.endswith("/response"):
            current.result = body
        else:
            current.error = body
        current.finished.set()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, api: RuntimeApi) -> None:
        self.api = api
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a sandbox that is killed leaves its connection half open."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        invocation = self.server.api.next_invocation()
        if invocation is None:
            self._answer(410, b"")
            return
        deadline_ms = int((time.time() + invocation.timeout_seconds) * 1000)
        self._answer(
            200,
            invocation.body,
            {
                "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
                "Lambda-Runtime-Deadline-Ms": str(deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
                "Lambda-Runtime-Trace-Id": "Root=1-00000000-000000000000000000000000;Sampled=0",
                "Content-Type": "application/json",
            },
        )

    def do_POST(self) -> None:
        body = self._body()
        self._answer(202, b'{"status":"OK"}')
        self.server.api.take(self.path, body)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().strip(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: Any, **_named: Any) -> None:
        """Say nothing: the handler's own log is what matters."""
