"""Runs the site until Ctrl-C: a socket on loopback, the model's process, and nothing in a log."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import sys
import webbrowser
from contextlib import suppress
from dataclasses import dataclass

import uvicorn

from fine_tune_slm.errors import AddressUnusableError, ExtractionFailedError, ModelEndedError
from fine_tune_slm.extract import Extractor
from fine_tune_slm.interruption import termination_as_ctrl_c
from fine_tune_slm.serving.application import Site
from fine_tune_slm.serving.model_process import ModelProcess
from fine_tune_slm.serving.page import Model
from fine_tune_slm.serving.reader import Reader

_SECONDS_FOR_OPEN_REQUESTS = 1
_BACKLOG = 64


@dataclass(frozen=True)
class ServeRequest:
    """Which model is served, and where."""

    extractor: Extractor
    host: str
    port: int
    is_remote_allowed: bool = False
    is_browser_opened: bool = False


def serve(request: ServeRequest) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Raises: AddressUnusableError, ExtractionFailedError, and as `Extractor.command` does.
    """
    command = request.extractor.command()
    is_loopback_only = is_loopback(request.host)
    if not is_loopback_only and not request.is_remote_allowed:
        raise AddressUnusableError("Other machines could reach this address; --allow-remote says that they may")
    with termination_as_ctrl_c(), suppress(KeyboardInterrupt), listen(request.host, request.port) as listening:
        if not is_loopback_only:
            print(
                "Warning: whoever reaches this address can use the model, and notes travel unencrypted.",
                file=sys.stderr,
            )
        asyncio.run(_serve(request, ModelProcess(command, request.extractor.project), listening))
    print("Ended. No note was kept.", file=sys.stderr)


async def _serve(request: ServeRequest, process: ModelProcess, listening: socket.socket) -> None:
    run = request.extractor.run
    model = Model(run.run_id, request.extractor.base_model.name, is_loopback(request.host))
    site = Site(Reader(process), model)
    print(f"Loading the model of run {run.run_id}", file=sys.stderr)
    try:
        await process.warm_up()
        _announce(request, listening)
        await _server(site, request.host).serve(sockets=[listening])
    except ModelEndedError as error:
        raise ExtractionFailedError(error.message) from error
    finally:
        await process.stop()


def _server(site: Site, host: str) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            site.application(host),
            access_log=False,
            log_config=None,
            log_level="critical",
            lifespan="off",
            server_header=False,
            timeout_graceful_shutdown=_SECONDS_FOR_OPEN_REQUESTS,
        )
    )


def _announce(request: ServeRequest, listening: socket.socket) -> None:
    host, port = listening.getsockname()[:2]
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
    print(f"{address} reads notes with run {request.extractor.run.run_id}. Ctrl-C ends it.", flush=True)
    if request.is_browser_opened:
        webbrowser.open(address)


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens.

    Raises: AddressUnusableError.
    """
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no address"
        raise AddressUnusableError(f"Cannot listen on {host} port {port}: {reason}") from error


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a host name or address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
