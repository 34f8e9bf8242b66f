"""The site without a socket and without a model: requests go straight to the application."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode

import pytest

from extraction.answer_line import evidenced_line
from extraction.parser import record_of
from fine_tune_slm.errors import ModelEndedError
from fine_tune_slm.serving.application import Site
from fine_tune_slm.serving.page import Model
from fine_tune_slm.serving.reader import Reader

HOST = "127.0.0.1:8000"
NOTE = "Synthetic note: stage IV lung cancer, liver metastases. <b>Osimertinib</b> & more."
VALUES = {"stage": "IV", "treatment": "osimertinib", "metastasis_site": "liver; brain"}


@dataclass
class StandIn:
    """Answers every note with the same values, when it may."""

    values: dict[str, str] = field(default_factory=lambda: dict(VALUES))
    gate: asyncio.Event | None = None
    read: list[str] = field(default_factory=list)

    async def answer(self, note: str) -> str:
        if self.gate is not None:
            await self.gate.wait()
        self.read.append(note)
        if "end yourself" in note:
            raise ModelEndedError("The model's process ended with exit code -9")
        if "write prose" in note:
            return "No JSON at all\n"
        if "break" in note:
            raise RuntimeError(f"its text quotes {note}")
        return evidenced_line(record_of(self.values), note)


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: str


@dataclass
class Client:
    """Sends requests to the application, each as a browser or a program would."""

    model: StandIn
    site: Site

    async def send(self, method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
        """Return the answer to one request; header names are written with underscores."""
        given = {"host": HOST} | {name.replace("_", "-"): value for name, value in headers.items()}
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "scheme": "http",
            "server": ("127.0.0.1", 8000),
            "client": ("127.0.0.1", 50000),
            "headers": [(name.encode(), value.encode()) for name, value in given.items() if value],
        }
        chunks = [body[at : at + 65536] for at in range(0, len(body), 65536)] or [b""]
        parts = iter([{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks])
        sent: list[dict] = []

        async def receive() -> dict:
            return next(parts, {"type": "http.request", "body": b"", "more_body": False})

        async def send(message: dict) -> None:
            sent.append(message)

        await self.site.application("127.0.0.1")(scope, receive, send)
        fields = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
        return Answer(sent[0]["status"], fields, b"".join(part.get("body", b"") for part in sent[1:]).decode())

    async def paste(self, note: str, **headers: str) -> Answer:
        """Return what the page's form gets."""
        form = {"content_type": "application/x-www-form-urlencoded", "origin": f"http://{HOST}"}
        return await self.send("POST", "/", urlencode({"note": note}).encode(), **form | headers)

    async def post(self, body: bytes, **headers: str) -> Answer:
        """Return what a program gets."""
        return await self.send("POST", "/extract", body, **{"content_type": "application/json"} | headers)


@pytest.fixture
def client() -> Client:
    model = StandIn()
    return Client(model, Site(Reader(model, most_waiting=2), Model("run-1", "tiny", is_on_this_machine_only=True)))


@pytest.fixture
def run() -> Callable:
    """A function that runs a coroutine to its end."""
    return asyncio.run
