"""Who may ask, and what every answer carries: no name but this machine's, no other site, nothing from elsewhere."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from fine_tune_slm.errors import RequestRefusedError

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # no-referrer would make browsers send `Origin: null` with the page's own form
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_HOST = re.compile(r"(?:\[([0-9a-fA-F:.]+)\]|([^:\[\]]+))(?::\d+)?")
_READS_ONLY = {"GET", "HEAD"}

Refuse = Callable[[Scope, RequestRefusedError], ASGIApp]


@dataclass(frozen=True)
class Guard:
    """Lets a request through to the application, or refuses it; its headers are on both answers."""

    application: ASGIApp
    refuse: Refuse
    host: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return await self.application(scope, receive, send)
        try:
            check_request(scope["method"], Headers(scope=scope), self.host)
            answering = self.application
        except RequestRefusedError as error:
            answering = self.refuse(scope, error)
        return await answering(scope, receive, _with_headers(send))


def check_request(method: str, headers: Headers, own_host: str) -> None:
    """Refuse what a page of another site could make a browser send.

    A name that somebody else's DNS points to this machine is refused (DNS rebinding); an address is nobody's to point.

    Raises: RequestRefusedError.
    """
    host = headers.get("host", "")
    name = _without_port(host).lower()
    if name not in {"localhost", own_host.lower()} and not _is_address(name):
        raise RequestRefusedError("The request is for another host name than this machine's")
    origin = headers.get("origin")
    if method not in _READS_ONLY and origin is not None and origin.lower() != f"http://{host}".lower():
        raise RequestRefusedError("The request comes from a page of another site")


def _without_port(host: str) -> str:
    match = _HOST.fullmatch(host)
    return (match[1] or match[2]) if match else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _with_headers(send: Send) -> Callable[[Message], Awaitable[None]]:
    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message).update(HEADERS)
        await send(message)

    return send_with_headers
