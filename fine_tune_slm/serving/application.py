"""The routes of `serve`: the page, its assets, and /extract for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import parse_qs

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Scope

from fine_tune_slm.errors import NoteRefusedError, NoteTooLongError, ServerBusyError, ServerFailedError, ServingError
from fine_tune_slm.serving.guards import Guard
from fine_tune_slm.serving.page import ASSETS, Model, render_page
from fine_tune_slm.serving.reader import Reader

# the longest note, every character in the longest spelling that a form or JSON has for it
MOST_BODY_BYTES = 256 * 1024
# what is read and thrown away of a larger one, so that the browser stops sending and shows why it was refused
MOST_DRAINED_BYTES = 64 * 1024 * 1024
API_PATH = "/extract"
ASSET_TYPES = {"style.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
_SECONDS_BEFORE_ANOTHER_TRY = "5"
_MOST_FORM_FIELDS = 8


@dataclass(frozen=True)
class Site:
    """What is served, by which model."""

    reader: Reader
    model: Model

    def application(self, host: str) -> ASGIApp:
        """Return the application as it is served under a host name or address."""
        routes = [
            Route("/", self._page, methods=["GET"]),
            Route("/", self._read_form, methods=["POST"]),
            Route(API_PATH, self._extract, methods=["POST"]),
            *(Route(f"/{name}", _asset, methods=["GET"]) for name in ASSET_TYPES),
        ]
        return Guard(Starlette(routes=routes), self._refusal, host)

    async def _page(self, _request: Request) -> Response:
        return HTMLResponse(render_page(self.model))

    async def _read_form(self, request: Request) -> Response:
        note = ""

        async def answer() -> Response:
            nonlocal note
            note = note_of_form(await read_body(request))
            return HTMLResponse(render_page(self.model, note, await self.reader.read(note)))

        return await _answered(answer, lambda error: self._error_page(error, note))

    async def _extract(self, request: Request) -> Response:
        async def answer() -> Response:
            note = note_of_json(request.headers.get("content-type", ""), await read_body(request))
            return Response((await self.reader.read(note)).line, media_type="application/json")

        return await _answered(answer, _error_document)

    def _refusal(self, scope: Scope, error: ServingError) -> ASGIApp:
        return _error_document(error) if scope["path"] == API_PATH else self._error_page(error, "")

    def _error_page(self, error: ServingError, note: str) -> Response:
        return HTMLResponse(render_page(self.model, note, error=error), error.http_status, _retry(error))


async def _answered(answer: Callable[[], Awaitable[Response]], tell: Callable[[ServingError], Response]) -> Response:
    try:
        return await answer()
    except ServingError as error:
        return tell(error)
    except ClientDisconnect:
        return Response(status_code=NoteRefusedError.http_status)
    except Exception as error:  # noqa: BLE001 - its text or its traceback could quote the note
        kind = type(error).__name__
        print(f"fine-tune-slm serve: a request ended with {kind}", file=sys.stderr)
        return tell(ServerFailedError(f"The note was not read: {kind}"))


def _error_document(error: ServingError) -> Response:
    document = {"error": {"type": type(error).__name__, "message": error.message, "remedy": error.remedy}}
    return JSONResponse(document, error.http_status, _retry(error))


def _retry(error: ServingError) -> dict[str, str]:
    return {"Retry-After": _SECONDS_BEFORE_ANOTHER_TRY} if isinstance(error, ServerBusyError) else {}


async def _asset(request: Request) -> Response:
    name = request.url.path.removeprefix("/")
    return Response((ASSETS / name).read_bytes(), media_type=ASSET_TYPES[name])


async def read_body(request: Request) -> bytes:
    """Return the body of a request.

    Raises: NoteTooLongError.
    """
    body, size_bytes = bytearray(), 0
    async for chunk in request.stream():
        size_bytes += len(chunk)
        if size_bytes <= MOST_BODY_BYTES:
            body += chunk
        elif size_bytes > MOST_DRAINED_BYTES:
            break
    if size_bytes > MOST_BODY_BYTES:
        raise NoteTooLongError(f"The request has more than {MOST_BODY_BYTES:,} bytes")
    return bytes(body)


def note_of_form(body: bytes) -> str:
    """Return the note that the page's form sends, with the line breaks that were pasted.

    Raises: NoteRefusedError.
    """
    try:
        fields = parse_qs(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FORM_FIELDS
        )
    except ValueError:
        raise NoteRefusedError("The form cannot be read") from None
    # HTML forms send every line break as two characters
    return fields.get("note", [""])[0].replace("\r\n", "\n")


def note_of_json(content_type: str, body: bytes) -> str:
    """Return the note of a JSON body: a string, or an object with the note as input, as a line of `extract --jsonl` is.

    Raises: NoteRefusedError.
    """
    # a page of another site can send text/plain without asking first, but not this
    if content_type.partition(";")[0].strip().lower() != "application/json":
        raise NoteRefusedError("The body must be application/json")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        raise NoteRefusedError("The body is no valid JSON") from None
    note = value.get("input") if isinstance(value, dict) else value
    if not isinstance(note, str):
        raise NoteRefusedError("The body holds no note")
    return note
