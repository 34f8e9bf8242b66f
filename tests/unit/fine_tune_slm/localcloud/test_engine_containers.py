"""What a real engine is asked for when the emulated host runs a container in it; the engine here is a stand-in."""

import json
import time

import pytest

from fine_tune_slm.localcloud.fleet.engine_containers import EngineContainer
from fine_tune_slm.localcloud.host.docker_arguments import RunRequest
from fine_tune_slm.localcloud.settings import EngineProgram

ENGINE = """#!/usr/bin/env python3
import json, os, pathlib, signal, sys, time
world = pathlib.Path(os.environ["WORLD"])
with (world / "calls").open("a") as calls:
    calls.write(json.dumps({"words": sys.argv[1:], "environment": dict(os.environ)}) + "\\n")
if sys.argv[1] == "kill":
    (world / "killed").touch()
    sys.exit(0)
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
print("container says hello", flush=True)
while "serve" in sys.argv and not (world / "killed").exists():
    time.sleep(0.02)
sys.exit(137 if (world / "killed").exists() else 3)
"""


class Sink:
    """A log driver that keeps the lines."""

    def __init__(self):
        self.lines = []

    def write(self, lines):
        self.lines += lines

    def close(self):
        pass


@pytest.fixture
def world(tmp_path):
    """A directory with the stand-in, whose calls are kept."""
    program = tmp_path / "podman"
    program.write_text(ENGINE)
    program.chmod(0o755)
    return tmp_path


def started(world, *arguments):
    """Return a container of the stand-in, on a host with credentials."""
    request = RunRequest(
        "run-1", "an-image:tag", arguments, {"/checkpoints": "/a/volume"}, {"AWS_REGION": "us-east-1"}, {}, {}
    )
    host = {"HOME": str(world), "AWS_SESSION_TOKEN": "a-token", "PYTHONPATH": "/this/checkout"}
    engine = EngineProgram(path=world / "podman", environment={"WORLD": str(world)})
    return EngineContainer(request, engine, host, Sink())


def calls(world):
    return [json.loads(line) for line in (world / "calls").read_text().splitlines()]


def until(condition):
    """Wait for what the stand-in does by itself."""
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_image_is_run_with_its_volume_on_the_hosts_network_and_its_exit_code_counts(world):
    container = started(world, "train", "--work-dir", "/checkpoints")
    assert container.wait(20)
    assert list(container.follow()) == ["container says hello"]
    assert container.state.exit_code == 3
    words = calls(world)[0]["words"]
    assert words[0] == "run"
    assert {"--rm", "--name=run-1", "--network=host", "--volume=/a/volume:/checkpoints"} <= set(words)
    # inside, paths are those of the image: nothing is led to this machine
    assert words[-4:] == ["an-image:tag", "train", "--work-dir", "/checkpoints"]


def test_credentials_reach_the_container_and_no_command_line(world):
    container = started(world, "train")
    assert container.wait(20)
    (call,) = calls(world)
    assert {"--env=AWS_SESSION_TOKEN", "--env=AWS_REGION"} <= set(call["words"])
    assert "a-token" not in " ".join(call["words"])
    assert call["environment"]["AWS_SESSION_TOKEN"] == "a-token"
    assert "--env=PYTHONPATH" not in call["words"]
    assert "PYTHONPATH" not in call["environment"]


def test_sigterm_is_handed_on(world):
    container = started(world, "serve")
    until((world / "calls").exists)
    next(container.follow())
    container.stop(20)
    assert container.state.exit_code == 143


def test_a_kill_ends_the_container_and_not_only_the_program_that_started_it(world):
    container = started(world, "serve")
    next(container.follow())
    container.kill()
    assert calls(world)[-1]["words"] == ["kill", "run-1"]
    assert container.state.exit_code == 137
    assert not container.state.is_running
