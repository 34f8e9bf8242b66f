"""Holds what tests/conftest.py promises."""

import os
import socket
from pathlib import Path

import boto3
import pytest


def test_a_connection_beyond_loopback_is_refused() -> None:
    with socket.socket() as outside, pytest.raises(PermissionError, match=r"192\.0\.2\.1"):
        outside.connect(("192.0.2.1", 80))


def test_a_connection_to_loopback_goes_through() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.connect(server.getsockname())

        assert client.getpeername() == server.getsockname()


def test_the_developers_credentials_and_caches_are_out_of_reach() -> None:
    assert boto3.Session().get_credentials().access_key == "testing"
    assert Path.home() not in Path(os.environ["HF_HOME"]).parents
