"""The container engine of one emulated instance: what dockerd is to `docker`.

Containers are its children, not the children of the command that started them: when the agent kills a script, what the
script started with `docker run` lives on, as on a real host, until the instance stops.
"""

from __future__ import annotations

import http.server
import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from fine_tune_slm.localcloud.fleet.containers import Container
from fine_tune_slm.localcloud.host.docker_arguments import RunRequest

Starter = Callable[[RunRequest], Container]


class EngineError(Exception):
    """The engine refuses; the message is what docker would say."""


class Engine:
    """Containers by name, and the loopback server through which the host's docker reaches them."""

    def __init__(self, start: Starter) -> None:
        self._start = start
        self._containers: dict[str, Container] = {}
        self._lock = threading.Lock()
        self._is_closed = False
        self.token = secrets.token_urlsafe(24)
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """Return the URL for the host's docker; its fragment is the key to it."""
        return f"http://127.0.0.1:{self._server.server_port}#{self.token}"

    @property
    def containers(self) -> list[Container]:
        """Return all containers, those that ended too."""
        with self._lock:
            return list(self._containers.values())

    def run(self, request: RunRequest) -> Container:
        """Return the started container.

        Raises: EngineError when its name is taken or the host shuts down.
        """
        with self._lock:
            if self._is_closed:
                raise EngineError("the host is shutting down")
            if request.name in self._containers:
                raise EngineError(f'Conflict. The container name "/{request.name}" is already in use')
            try:
                self._containers[request.name] = self._start(request)
            except OSError as error:
                raise EngineError(f"failed to start the container's process: {error.strerror}") from error
            return self._containers[request.name]

    def find(self, name: str) -> Container:
        """Return the container.

        Raises: EngineError when there is none of this name.
        """
        with self._lock:
            if name not in self._containers:
                raise EngineError(f"No such container: {name}")
            return self._containers[name]

    def remove(self, name: str, *, is_forced: bool) -> None:
        """Forget a container, ending it first when forced; a missing one is no error then.

        Raises: EngineError when it runs and is not forced.
        """
        with self._lock:
            container = self._containers.get(name)
        if container is None:
            if is_forced:
                return
            raise EngineError(f"No such container: {name}")
        if container.state.is_running and not is_forced:
            raise EngineError(f"cannot remove a running container: {name}")
        container.kill()
        with self._lock:
            self._containers.pop(name, None)

    def shut_down(self) -> None:
        """Refuse new containers and ask the running ones to end."""
        with self._lock:
            self._is_closed = True
        for container in self.containers:
            container.terminate()

    def close(self) -> None:
        """End every container and the server."""
        with self._lock:
            self._is_closed = True
        for container in self.containers:
            container.kill()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a docker that was killed leaves its connection half open."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self._guarded(self._list if urlsplit(self.path).path == "/containers" else self._describe)

    def do_POST(self) -> None:
        self._guarded(self._run if urlsplit(self.path).path == "/containers" else self._stop)

    def do_DELETE(self) -> None:
        self._guarded(self._remove)

    def log_message(self, *_arguments: Any, **_named: Any) -> None:
        """Say nothing: the script that called docker has its own log."""

    def _guarded(self, act: Callable[[], None]) -> None:
        if not secrets.compare_digest(self.headers.get("Authorization", ""), f"Bearer {self.server.engine.token}"):
            self._answer(401, "not this host's docker")
            return
        try:
            act()
        except EngineError as error:
            self._answer(409, f"Error response from daemon: {error}")

    def _run(self) -> None:
        request = RunRequest.from_json(self.rfile.read(int(self.headers["Content-Length"])))
        container = self.server.engine.run(request)
        self.send_response(200)
        self.end_headers()
        if request.is_detached:
            self._event({"line": request.name})
            return
        for line in container.follow():
            self._event({"line": line})
        exit_code = container.state.exit_code
        if request.is_removed:
            self.server.engine.remove(request.name, is_forced=True)
        self._event({"exit_code": exit_code})

    def _event(self, event: dict[str, Any]) -> None:
        self.wfile.write(json.dumps(event).encode() + b"\n")
        self.wfile.flush()

    def _list(self) -> None:
        self._answer(200, json.dumps([asdict(container.state) for container in self.server.engine.containers]))

    def _describe(self) -> None:
        self._answer(200, json.dumps(asdict(self.server.engine.find(self._name()).state)))

    def _stop(self) -> None:
        seconds = float(self._query("seconds", "10"))
        self.server.engine.find(self._name()).stop(seconds)
        self._answer(200, "")

    def _remove(self) -> None:
        self.server.engine.remove(self._name(), is_forced=self._query("force", "0") == "1")
        self._answer(200, "")

    def _name(self) -> str:
        return unquote(urlsplit(self.path).path.split("/")[2])

    def _query(self, name: str, default: str) -> str:
        return parse_qs(urlsplit(self.path).query).get(name, [default])[0]

    def _answer(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())
