"""Whether a server on a free loopback port can be reached: the emulated AWS, the Hub and `serve` need it."""

from __future__ import annotations

import socket

from fine_tune_slm.doctor.context import Context
from fine_tune_slm.doctor.finding import Finding, fail, ok

LOOPBACK = "127.0.0.1"
PATIENCE_SECONDS = 3


def look_at_local_ports(_context: Context) -> Finding:
    """Return whether a connection from this machine to itself comes about."""
    return try_address(LOOPBACK)


def try_address(host: str) -> Finding:
    """Return whether an address of this machine can be listened on and connected to."""
    try:
        with socket.create_server((host, 0)) as server:
            server.settimeout(PATIENCE_SECONDS)
            with socket.create_connection(server.getsockname()[:2], timeout=PATIENCE_SECONDS):
                server.accept()[0].close()
    except OSError as error:
        told = f"no connection to a free port of {host} ({error.strerror or type(error).__name__})"
        return fail(told, "Look for a firewall or sandbox that forbids connections on loopback.")
    return ok(f"a free port of {host} can be reached")
