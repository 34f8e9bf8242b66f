"""The script as a user starts it, against an account on the loopback interface."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "setup" / "init_ssm_parameters.py"
GIVEN = ["--set", "hub.publish_repo=group/model", "--set", f"hub.base_model_revision={'a' * 40}"]


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()
    server._server.server_close()


@pytest.fixture(autouse=True)
def credentials(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")


@pytest.fixture
def ssm(endpoint, credentials):
    return boto3.client("ssm", region_name="us-east-1", endpoint_url=endpoint)


def start(endpoint: str, *arguments: str, directory: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SCRIPT), "--endpoint-url", endpoint, "--region", "us-east-1", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=directory, env=os.environ, timeout=30, check=False
    )


def test_a_dry_run_shows_everything_and_creates_nothing(endpoint, ssm, tmp_path):
    shown = start(endpoint, "--dry-run", directory=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "/fine-tune-slm/prod/instance/allowed_types: create: g6.2xlarge,g5.2xlarge" in shown.stdout
    assert "/fine-tune-slm/prod/instance/id: owned by stack (absent), left alone" in shown.stdout
    assert "/fine-tune-slm/prod/hub/publish_repo: needs a value" in shown.stdout
    created = start(endpoint, *GIVEN, "--parameter-root", "/second", directory=tmp_path)
    assert created.returncode == 0, created.stderr
    names = [item["Name"] for item in ssm.describe_parameters()["Parameters"]]
    assert sorted(names) == [
        "/second/hub/base_model_revision",
        "/second/hub/publish_repo",
        "/second/instance/allowed_types",
    ]


def test_a_missing_value_ends_with_exit_code_2_and_a_remedy(endpoint, tmp_path):
    refused = start(endpoint, "--parameter-root", "/third", directory=tmp_path)
    assert refused.returncode == 2
    assert "Parameters without a value: hub.base_model_revision, hub.publish_repo" in refused.stderr
    assert "Traceback" not in refused.stderr
