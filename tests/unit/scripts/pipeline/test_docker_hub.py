"""The image workflow pulls by the stage's token, or anonymously; `aws` and `docker` are stand-ins."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[4] / "scripts" / "pipeline" / "log_in_to_docker_hub.sh"
AWS = """#!/bin/sh
[ "$4" = fine-tune-slm-prod/docker-hub-token ] && [ -e "$WORLD/secret" ] && cat "$WORLD/secret"
"""
DOCKER = """#!/bin/sh
echo "$@" >"$WORLD/words"
cat >"$WORLD/password"
"""


@pytest.fixture
def world(tmp_path):
    """A PATH whose aws and docker tell what they were asked."""
    for name, text in (("aws", AWS), ("docker", DOCKER)):
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(text)
        program.chmod(0o755)
    return tmp_path


def logged_in(world):
    path = f"{world / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "WORLD": str(world)}
    return subprocess.run([SCRIPT, "prod"], env=environment, capture_output=True, text=True, check=False)


def test_the_token_goes_to_docker_by_its_standard_input_and_is_masked_first(world):
    (world / "secret").write_text('{"username": "a-user", "token": "a-token"}')
    done = logged_in(world)
    assert done.returncode == 0, done.stderr
    assert (world / "words").read_text() == "login --username a-user --password-stdin\n"
    assert (world / "password").read_text() == "a-token\n"
    assert done.stdout.splitlines() == ["::add-mask::a-token"]


def test_an_empty_secret_means_anonymous_pulls(world):
    done = logged_in(world)
    assert done.returncode == 0
    assert "anonymously" in done.stdout
    assert not (world / "words").exists()


def test_a_secret_of_another_shape_stops_the_workflow_and_is_not_printed(world):
    (world / "secret").write_text('{"user": "a-user", "token": "a-token"}')
    done = logged_in(world)
    assert done.returncode != 0
    assert not (world / "words").exists()
    assert "a-token" not in done.stdout + done.stderr
