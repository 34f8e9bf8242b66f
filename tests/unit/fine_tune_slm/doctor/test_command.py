"""`fine-tune-slm doctor` from outside: lines, JSON and exit codes."""

import json
import sys

import pytest

from fine_tune_slm import cli
from fine_tune_slm.aws import AwsTarget


@pytest.fixture
def doctor(world, monkeypatch, capsys):
    """Run the command in the emulated account and return (exit code, stdout)."""
    monkeypatch.setattr(AwsTarget, "client", lambda _, service: world.client(service))
    root = world.account.env.parameter_root

    def run(*arguments):
        command = ["fine-tune-slm", "doctor", "--parameter-root", root, "--stack-name", "a-stack", *arguments]
        monkeypatch.setattr(sys, "argv", command)
        with pytest.raises(SystemExit) as ended:
            cli.main()
        return ended.value.code, capsys.readouterr().out

    return run


def test_every_check_is_a_line_and_a_warning_alone_exits_with_0(world, doctor):
    code, printed = doctor()
    lines = [line for line in printed.splitlines() if not line.startswith(" ")]
    assert code == 0
    assert len(lines) == 17
    assert {line.split()[0] for line in lines} == {"ok", "warn"}
    assert "warn  sweeper" in printed
    assert "-> Ask again in half an hour." in printed


def test_a_failure_exits_with_1_and_stands_in_the_document(world, doctor):
    world.quotas["L-DB2E81BA"] = 4.0
    code, printed = doctor("--json")
    quota = next(one for one in json.loads(printed)["checks"] if one["name"] == "quota")
    assert code == 1
    assert quota["verdict"] == "fail"
    assert "--desired-value 8" in quota["remedy"]


def test_a_configuration_that_is_not_there_fails_its_check_and_no_other(world, doctor):
    code, printed = doctor("--config", "no-such.yml", "--json")
    found = {one["name"]: one["verdict"] for one in json.loads(printed)["checks"]}
    assert (code, found["memory plan"], found["zone"], found["image"]) == (1, "fail", "ok", "ok")
