"""The local Hub: an HTTP server on a free loopback port in front of the repositories on this disk."""

from __future__ import annotations

import hashlib
import http.server
import io
import re
import shutil
import threading
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from fine_tune_slm.localcloud.hub.access import Role, Tokens
from fine_tune_slm.localcloud.hub.answers import Answer, FileRange, RefusedError
from fine_tune_slm.localcloud.hub.operations import Operation, Reading
from fine_tune_slm.localcloud.hub.requests import Request
from fine_tune_slm.localcloud.hub.store import MAIN, Access, Change, Source, Store
from fine_tune_slm.localcloud.hub.uploads import Uploading

_REPO = r"([\w.-]+/[\w.-]+)"
_API = rf"/api/models/{_REPO}"
_SEGMENT = r"([^/]+)"
_CHUNK_BYTES = 1 << 20


class LocalHub:
    """A running Hub; its repositories outlive it, its tokens do not."""

    def __init__(self, root: Path) -> None:
        self.store = Store(root)
        self.tokens = Tokens()
        self.routes = _routes(Reading(self.store), Uploading(self.store))
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """Return the URL for HF_ENDPOINT."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def create_token(self, role: Role, repositories: Iterable[str] | None = None) -> str:
        """Return a new token of the role, for the named repositories or for all."""
        return self.tokens.create(role, repositories)

    def add_model(self, repo_id: str, directory: Path, *, gated: bool = True) -> str:
        """Return the revision at which the directory's files are served; equal content has an equal revision."""
        if not self.store.exists(repo_id):
            self.store.create(repo_id, Access(is_private=False, is_gated=gated))
        paths = sorted(path for path in directory.rglob("*") if path.is_file())
        files = {name: replace(self.store.link_blob(path), path=name) for name, path in _named(paths, directory)}
        head = self.store.resolve(repo_id, MAIN)
        if head.files == files:
            return head.oid
        gone = frozenset(head.files) - frozenset(files)
        return self.store.commit(repo_id, MAIN, "add model", Change(files, gone, frozenset(), parent=None))

    def head(self, repo_id: str) -> str:
        """Return the revision that main names."""
        return self.store.resolve(repo_id, MAIN).oid

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)


def _named(paths: Iterable[Path], directory: Path) -> Iterable[tuple[str, Path]]:
    return ((path.relative_to(directory).as_posix(), path) for path in paths)


def _routes(read: Reading, upload: Uploading) -> list[tuple[str, re.Pattern[str], Operation]]:
    table: list[tuple[str, str, Operation]] = [
        ("GET", r"/api/whoami-v2", read.whoami),
        ("POST", r"/api/validate-yaml", read.validate_yaml),
        ("POST", r"/api/repos/create", read.create_repository),
        ("GET", rf"{_API}", read.info),
        ("GET", rf"{_API}/revision/{_SEGMENT}", read.info),
        ("GET", rf"{_API}/tree/{_SEGMENT}", read.tree),
        ("GET", rf"{_API}/tree/{_SEGMENT}/(.+)", read.tree),
        ("POST", rf"{_API}/paths-info/{_SEGMENT}", read.paths_info),
        ("GET", rf"{_API}/refs", read.refs),
        ("GET", rf"{_API}/commits/{_SEGMENT}", read.commits),
        ("GET", rf"{_API}/auth-check", read.auth_check),
        ("GET", rf"{_API}/auth-check/write", read.auth_check_write),
        ("POST", rf"{_API}/branch/{_SEGMENT}", read.create_branch),
        ("DELETE", rf"{_API}/branch/{_SEGMENT}", read.delete_branch),
        ("POST", rf"{_API}/tag/{_SEGMENT}", read.create_tag),
        ("DELETE", rf"{_API}/tag/{_SEGMENT}", read.delete_tag),
        ("POST", rf"{_API}/preupload/{_SEGMENT}", upload.preupload),
        ("POST", rf"{_API}/commit/{_SEGMENT}", upload.commit),
        ("POST", rf"/{_REPO}\.git/info/lfs/objects/batch", upload.lfs_batch),
        ("POST", rf"/{_REPO}\.git/info/lfs/objects/verify", upload.lfs_verify),
        ("PUT", rf"/lfs/{_SEGMENT}", upload.lfs_put),
        ("GET", rf"/{_REPO}/resolve/{_SEGMENT}/(.+)", read.download),
    ]
    return [(method, re.compile(pattern), operation) for method, pattern, operation in table]


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, hub: LocalHub) -> None:
        self.hub = hub
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: a client that was killed leaves its connection half open."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # head and body are two writes: Nagle's algorithm would hold the second one back for 40 ms
    disable_nagle_algorithm = True
    server: _Server

    def do_GET(self) -> None:
        self._serve("GET")

    def do_HEAD(self) -> None:
        self._serve("GET")

    def do_POST(self) -> None:
        self._serve("POST")

    def do_PUT(self) -> None:
        self._serve("PUT")

    def do_DELETE(self) -> None:
        self._serve("DELETE")

    def log_message(self, *_arguments: Any, **_named: Any) -> None:
        """Say nothing: requests carry tokens."""

    def _serve(self, method: str) -> None:
        body, length = self._body()
        try:
            answer = self._answer(method, body, length)
        except RefusedError as error:
            answer = error.answer()
        except (KeyError, TypeError, ValueError) as error:
            answer = RefusedError(400, f"The request lacks something or is malformed: {type(error).__name__}").answer()
        while body.read(_CHUNK_BYTES):
            pass  # what an operation left unread would be taken for the next request
        self._send(answer)

    def _answer(self, method: str, body: Source, length: int) -> Answer:
        path, hub = urlsplit(self.path).path, self.server.hub
        for wanted, pattern, operation in hub.routes:
            found = pattern.fullmatch(path)
            if found and wanted == method:
                headers = {name.lower(): value for name, value in self.headers.items()}
                token = hub.tokens.of(headers)
                query = parse_qs(urlsplit(self.path).query)
                request = Request(method, query, headers, body, length, token, hub.endpoint)
                return operation(request, *(unquote(group) for group in found.groups()))
        raise RefusedError(404, "Sorry, we can't find the page you are looking for.")

    def _body(self) -> tuple[Source, int]:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            content = b"".join(self._chunks())
            return io.BytesIO(content), len(content)
        length = int(self.headers.get("Content-Length") or 0)
        return _Bounded(self.rfile, length), length

    def _chunks(self) -> Iterable[bytes]:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _send(self, answer: Answer) -> None:
        length = answer.body.length if isinstance(answer.body, FileRange) else len(answer.body)
        self.send_response(answer.status)
        for name, value in {"X-Request-Id": _request_id(self), **answer.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        if self.command == "HEAD":
            return
        if isinstance(answer.body, FileRange):
            self._send_file(answer.body)
        else:
            self.wfile.write(answer.body)

    def _send_file(self, part: FileRange) -> None:
        with part.path.open("rb") as file:
            file.seek(part.start)
            shutil.copyfileobj(_Bounded(file, part.length), self.wfile, _CHUNK_BYTES)


class _Bounded:
    """The next so many bytes of a stream, and then its end."""

    def __init__(self, stream: Source, length: int) -> None:
        self._stream = stream
        self._left = length

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes; none when the part has ended."""
        wanted = self._left if size < 0 else min(size, self._left)
        data = self._stream.read(wanted) if wanted else b""
        self._left -= len(data) if data else self._left
        return data


def _request_id(handler: _Handler) -> str:
    return hashlib.sha256(repr(handler.client_address).encode()).hexdigest()[:16]
