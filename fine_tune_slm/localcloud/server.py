"""moto's server on a free loopback port, with executing state machines and an empty state.

moto keeps its state in module globals and finds its own port in MOTO_PORT, so there is one emulated AWS at a time in a
process; a second one may follow the first.
"""

from __future__ import annotations

import contextlib
import copy
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from moto.core.base_backend import BackendDict
from moto.core.config import default_user_config
from moto.core.model_instances import reset_model_data
from moto.server import ThreadedMotoServer

# Nothing ever checks these: they keep boto3 from looking for credentials of the machine it runs on.
CALLER_CREDENTIALS = {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}


@contextlib.contextmanager
def moto_server(log_file: Path) -> Iterator[str]:
    """Hold a moto server inside the block; yields its endpoint URL. What it logs goes to the file."""
    with _executing_configuration(), _log_file(log_file):
        server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        server.start()
        host, port = server.get_host_and_port()
        with _environment_variable("MOTO_PORT", str(port)):
            try:
                yield f"http://{host}:{port}"
            finally:
                server.stop()
                _close_socket(server)
                reset_state()


def reset_state() -> None:
    """Forget every resource of every service."""
    BackendDict.reset()
    reset_model_data()


def _close_socket(server: ThreadedMotoServer) -> None:
    if server._server is not None:  # stop() leaves the listening socket open
        server._server.server_close()


@contextlib.contextmanager
def _executing_configuration() -> Iterator[None]:
    before = copy.deepcopy(default_user_config)
    reset_state()
    default_user_config["stepfunctions"] = {"execute_state_machine": True}
    default_user_config["lambda"] = {"use_docker": False}
    try:
        yield
    finally:
        default_user_config.update(before)


@contextlib.contextmanager
def _log_file(file: Path) -> Iterator[None]:
    """Lead what the web server and moto log, internal errors with their traces too, away from the terminal."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(levelname)s %(message)s"))
    loggers = [logging.getLogger(name) for name in ("werkzeug", "moto")]
    before = [(logger.propagate, logger.level) for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.propagate = False
        logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        for logger, (is_propagated, level) in zip(loggers, before, strict=True):
            logger.removeHandler(handler)
            logger.propagate = is_propagated
            logger.setLevel(level)
        handler.close()


@contextlib.contextmanager
def _environment_variable(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name) if before is None else os.environ.__setitem__(name, before)
