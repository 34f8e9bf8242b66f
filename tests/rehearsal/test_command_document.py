"""The Command document's script, run by sh with stand-ins for docker and aws."""

import functools
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from fine_tune_slm.localcloud.deploy.translation import read_template
from fine_tune_slm.localcloud.fleet.document import ParametersError, render
from tests.unit.emulated_account import ROOT

GUARD = "fine-tune-slm-guard"
RUN_URI = "s3://a-bucket/runs/run-1/run.json"
AWS = """#!/bin/sh
[ "$1 $2" = "s3 cp" ] || exit 252
shift 2
while [ $# -gt 2 ]; do shift; done
case "$1" in
  s3://*/host/*) cp "$WORLD/host/${1##*/}" "$2" ;;
  s3://*) cp "$WORLD/run.json" "$2" ;;
  *) [ ! -e "$WORLD/s3-is-down" ] && cat "$1" >>"$WORLD/staged" ;;
esac
"""
DOCKER = """#!/bin/sh
echo "$@" >>"$WORLD/docker-calls"
case "$1" in
  ps) cat "$WORLD/containers" 2>/dev/null || true ;;
  image) [ "$2" != inspect ] || [ ! -e "$WORLD/new-image" ] ;;
  pull)
    [ ! -e "$WORLD/registry-is-shaken" ] || { rm "$WORLD/registry-is-shaken"; exit 1; }
    [ ! -e "$WORLD/no-image" ] ;;
  inspect) echo '[{"State": {"OOMKilled": '"$(cat "$WORLD/oom" 2>/dev/null || echo false)"'}}]' ;;
  run) . "$WORLD/training" ;;
esac
"""


class Host:
    """A directory with a volume, a PATH with stand-ins, and the script of the document."""

    def __init__(self, world):
        self.world = world
        self.volume = world / "volume"
        self.volume.mkdir()
        self.spec()
        self.training("exit 0")
        for name, script in (("aws", AWS), ("docker", DOCKER), ("sleep", "#!/bin/sh\n")):
            program = world / "bin" / name
            program.parent.mkdir(exist_ok=True)
            program.write_text(script)
            program.chmod(0o755)
        (world / "bin" / "python3").symlink_to(Path(sys.executable).resolve())

    def spec(self, **changes):
        """Write the run.json that `aws s3 cp` will fetch."""
        spec = {"created_at": "2026-11-22T12:00:00Z", "image": "registry/training@sha256:1"}
        (self.world / "run.json").write_text(json.dumps(spec | changes))

    def training(self, script):
        """Say what the training does; $OUTCOME is where it leaves its outcome."""
        (self.world / "training").write_text(f'OUTCOME="{self.volume}/runs/run-1/outcome.json"\n{script}\n')

    def host_file(self, content, sent=None):
        """Put a guard into the bucket, and return how the command names what was sent."""
        (self.world / "host").mkdir(exist_ok=True)
        (self.world / "host" / GUARD).write_bytes(content)
        return f"{hashlib.sha256(sent or content).hexdigest()}/{GUARD}"

    @property
    def installed(self):
        """The guard as the host runs it."""
        return self.volume / "sbin" / GUARD

    def run(self, action="train", fence=3, host_files="", deadline=""):
        """Return the finished script."""
        values = {"Action": action, "RunId": "run-1", "Fence": str(fence), "RunUri": RUN_URI, "HostFiles": host_files}
        values["Deadline"] = deadline
        rendered = render(_document(), {name: [value] for name, value in values.items()})
        path = f"{self.world / 'bin'}:{os.environ['PATH']}"
        environment = {"PATH": path, "WORLD": str(self.world), "FINE_TUNE_SLM_VOLUME": str(self.volume)}
        return subprocess.run(
            ["/bin/sh", "-c", rendered.script],
            env=environment | rendered.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def staged(self):
        """Return every outcome that was staged, oldest first."""
        decoder, text, found = json.JSONDecoder(), (self.world / "staged").read_text(), []
        while text := text.strip():
            outcome, end = decoder.raw_decode(text)
            found.append(outcome)
            text = text[end:]
        return found

    def docker_calls(self):
        """Return docker's command lines."""
        calls = self.world / "docker-calls"
        return calls.read_text().splitlines() if calls.exists() else []


@functools.cache
def _document():
    content = read_template(ROOT / "template.yaml")["Resources"]["CommandDocument"]["Properties"]["Content"]
    step = dict(content["mainSteps"][0])
    values = {"AWS::Region": "us-east-1", "TrainingLogGroup": "/a/log-group"}
    lines = [
        _substituted(line["Fn::Sub"], values) if isinstance(line, dict) else line
        for line in step["inputs"]["runCommand"]
    ]
    return content | {"mainSteps": [step | {"inputs": step["inputs"] | {"runCommand": lines}}]}


def _substituted(text, values):
    return re.sub(r"\$\{([\w:]+)\}", lambda found: values[found[1]], text)


@pytest.fixture
def host(tmp_path):
    """An idle host."""
    return Host(tmp_path)


def test_a_probe_answers_with_the_id_of_this_boot(host):
    assert re.fullmatch(r"boot [0-9a-f-]{36}\n", host.run("probe").stdout)


def test_training_runs_the_image_of_run_json_with_ids_only(host):
    assert host.run().returncode == 0
    run = host.docker_calls()[-2]
    assert run.startswith("run --name fine-tune-slm-run-1 ")
    assert run.endswith(f"registry/training@sha256:1 train --run-uri {RUN_URI} --fence 3 --work-dir /checkpoints")
    assert "awslogs-group=/a/log-group --log-opt awslogs-stream=run-1" in run


def test_the_training_is_told_the_deadline_and_has_time_to_save_when_docker_stops_it(host):
    assert host.run(deadline="2026-11-22T18:00:00Z").returncode == 0
    run = host.docker_calls()[-2]
    assert "-e FINE_TUNE_SLM_DEADLINE=2026-11-22T18:00:00Z --stop-timeout 80 " in run


def test_the_processes_own_outcome_is_staged(host):
    host.training("""echo '{"status": "failed", "error": "DiskFullError"}' >"$OUTCOME"; exit 25""")
    assert host.run().returncode == 1
    assert [outcome["status"] for outcome in host.staged()] == ["running", "failed"]
    assert host.staged()[-1]["error"] == "DiskFullError"


@pytest.mark.parametrize(("code", "oom"), [(137, "true"), (137, "false"), (139, "false"), (125, "false")])
def test_a_process_that_died_without_a_word_is_reported_as_killed(host, code, oom):
    (host.world / "oom").write_text(oom)
    host.training(f"exit {code}")
    assert host.run().returncode == 1
    killed = {"run_id": "run-1", "fence": 3, "status": "killed", "exit_code": code, "oom_killed": oom == "true"}
    assert host.staged()[-1] == killed


def test_an_outcome_of_an_earlier_launch_is_not_staged_again(host):
    host.training("""echo '{"status": "succeeded"}' >"$OUTCOME"; exit 0""")
    host.run()
    host.training("exit 137")
    host.run()
    assert host.staged()[-1]["status"] == "killed"


def test_earlier_containers_of_this_project_are_removed_first(host):
    (host.world / "containers").write_text("aaa\nbbb\n")
    host.run()
    calls = host.docker_calls()
    assert calls[0] == "ps --all --quiet --filter label=project=fine-tune-slm"
    assert calls[1:3] == ["rm --force aaa", "rm --force bbb"]


def test_a_late_command_of_an_older_run_does_not_take_the_host(host):
    host.spec(created_at="2026-11-22T13:00:00Z")
    host.run()
    calls = host.docker_calls()
    host.spec(created_at="2026-11-22T12:00:00Z")
    late = host.run()
    assert (late.returncode, host.docker_calls()) == (1, calls)
    assert "a newer run has this host" in late.stderr


def test_a_relaunch_of_the_same_run_takes_the_host(host):
    assert [host.run().returncode, host.run().returncode] == [0, 0]


def test_a_launcher_whose_container_was_taken_over_stays_silent(host):
    host.training(f"echo another >{host.volume}/runs/run-1/launcher; exit 137")
    ended = host.run()
    assert ended.returncode == 1
    assert "took over" in ended.stderr
    assert [outcome["status"] for outcome in host.staged()] == ["running"]


def test_a_launch_whose_staging_area_is_away_exits_with_one(host):
    (host.world / "s3-is-down").touch()
    assert host.run().returncode == 1
    assert not [call for call in host.docker_calls() if call.startswith("run ")]


def test_an_image_that_cannot_be_pulled_ends_the_run_by_name(host):
    (host.world / "no-image").touch()
    assert host.run().returncode == 1
    assert [call.split()[0] for call in host.docker_calls()] == ["ps", "image", "pull", "pull"]
    assert host.staged()[-1] == not_ready("the image cannot be pulled")


def not_ready(message):
    """Return the outcome of a host on which no launch can begin."""
    return {"run_id": "run-1", "fence": 3, "status": "failed", "error": "HostNotReadyError", "message": message}


def test_the_image_is_pulled_once_more_where_the_registry_failed_once(host):
    (host.world / "registry-is-shaken").touch()
    assert host.run().returncode == 0
    assert [call.split()[0] for call in host.docker_calls()][-4:-1] == ["pull", "pull", "run"]


@pytest.mark.parametrize(("is_new", "prunes"), [(True, ["image prune --all --force"]), (False, [])])
def test_images_of_earlier_runs_go_when_another_one_comes_and_not_before(host, is_new, prunes):
    if is_new:
        (host.world / "new-image").touch()
    assert host.run().returncode == 0
    assert [call for call in host.docker_calls() if "prune" in call] == prunes


def test_without_its_volume_nothing_is_launched_and_the_run_ends_by_name(host):
    host.volume.rmdir()
    ended = host.run()
    assert (ended.returncode, host.docker_calls()) == (1, [])
    assert host.staged() == [not_ready(f"{host.volume} is not there")]


def test_a_stop_lets_the_containers_save(host):
    (host.world / "containers").write_text("aaa\n")
    assert host.run("stop").returncode == 0
    assert host.docker_calls()[-1] == "stop --time 120 aaa"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Action", "shell"),
        ("RunId", "a;reboot"),
        ("RunId", "$(reboot)"),
        ("Fence", "1 2"),
        ("RunUri", "s3://bucket/elsewhere/run.json"),
        ("RunUri", "s3://bucket/runs/a/run.json;reboot"),
        ("ExecutionTimeoutSeconds", "60; reboot"),
    ],
)
def test_a_parameter_that_is_not_what_the_document_allows_is_refused(name, value):
    good = {"Action": "train", "RunId": "run-1", "Fence": "1", "RunUri": RUN_URI}
    with pytest.raises(ParametersError, match=name):
        render(_document(), {key: [text] for key, text in (good | {name: value}).items()})


def test_no_parameter_but_the_timeout_is_pasted_into_the_document():
    declared = _document()["parameters"].items()
    pasted = [name for name, one in declared if one.get("interpolationType") != "ENV_VAR"]
    assert pasted == ["ExecutionTimeoutSeconds"]
    assert "{{" not in "".join(_document()["mainSteps"][0]["inputs"]["runCommand"])


def test_the_volume_is_given_to_the_user_that_the_image_runs_as():
    image = (ROOT / "training" / "Dockerfile").read_text(encoding="utf-8")
    uid = re.search(r"^USER (\d+)$", image, re.MULTILINE)[1]
    assert f'chown {uid}:{uid} "$VOLUME" "$VOLUME/runs" "$RUN_DIR"' in (ROOT / "template.yaml").read_text(
        encoding="utf-8"
    )


def test_a_host_file_that_comes_with_the_command_is_installed_before_the_training(host):
    host.training(f'[ "$(cat "{host.installed}")" = "second" ] || exit 9')
    assert host.run(host_files=host.host_file(b"first")).returncode == 1
    assert host.run(host_files=host.host_file(b"second")).returncode == 0
    assert host.installed.read_bytes() == b"second"
    assert host.installed.stat().st_mode & 0o777 == 0o755
    assert [path.name for path in host.installed.parent.iterdir()] == [GUARD]


def test_a_host_file_that_was_tampered_with_is_refused_by_name_and_the_old_one_stays(host):
    host.run(host_files=host.host_file(b"right"))
    calls = len(host.docker_calls())
    refused = host.run(host_files=host.host_file(b"tampered", sent=b"the next one"))
    assert refused.returncode == 1
    assert refused.stderr == f"fine-tune-slm: Host file {GUARD} is not the one that was sent\n"
    assert host.installed.read_bytes() == b"right"
    assert len(host.docker_calls()) == calls
    assert host.staged()[-1] == {
        "run_id": "run-1", "fence": 3, "status": "failed", "error": "HostFileCorruptError",
        "message": f"Host file {GUARD} is not the one that was sent",
    }  # fmt: skip


def test_a_host_file_that_cannot_be_read_ends_the_launch_without_a_verdict_on_the_run(host):
    named = host.host_file(b"right")
    (host.world / "host" / GUARD).unlink()
    assert host.run(host_files=named).returncode == 1
    assert not (host.world / "staged").exists()


@pytest.mark.parametrize("host_files", ["guard", f"{'a' * 63}/guard", f"{'a' * 64}/../guard", f"{'a' * 64}/a;b"])
def test_a_host_file_without_a_digest_or_with_a_path_is_not_even_sent(host, host_files):
    with pytest.raises(ParametersError):
        host.run(host_files=host_files)
