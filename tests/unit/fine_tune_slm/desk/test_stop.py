"""`stop`: the execution ends, and whether the instance was seen stopped is told, and never guessed."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from fine_tune_slm.desk.stopping import Patience, await_stop, stop_run
from fine_tune_slm.errors import InstanceNotSeenStoppedError
from tests.made_up_runs import MadeUpRun, keep
from tests.unit.emulated_stack import FAILS, STAGE, WAITS, wait_until


class Time:
    """A clock that only a pause moves; after so many pauses the reaper stops the instance."""

    def __init__(self, stack, stops_after: int | None) -> None:
        self.now, self._stack, self._left = 0.0, stack, stops_after

    def pause(self, seconds: float) -> None:
        self.now += seconds
        if self._left is not None:
            self._left -= 1
            if self._left == 0:
                self._stack.stop_instance()

    def patience(self, seconds: float) -> Patience:
        return Patience(seconds, self.pause, lambda: self.now)


def console() -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(file=out, width=200), out


def test_a_stopped_run_is_told_only_when_its_instance_was_seen_stopped(stack):
    stack.start("run-now", WAITS)
    stack.hold_instance("run-now")
    run = stack.found.run("run-now")
    shown, out = console()
    assert stop_run(run)
    # the emulated execution ends in a thread, and the clock below is not that thread's
    wait_until(lambda: not run.is_running)
    answer = await_stop(run, Time(stack, 3).patience(60), shown, was_running=True)
    assert (answer.status, answer.instance_state) == ("ABORTED", "stopped")
    assert out.getvalue().splitlines() == [
        f"instance {stack.instance_id} is {state}" for state in ("running", "stopped")
    ]


def test_an_instance_that_is_not_seen_stopped_is_a_failure_with_the_way_to_stop_it_by_hand(stack):
    stack.start("run-now", WAITS)
    stack.hold_instance("run-now")
    run = stack.found.run("run-now")
    stop_run(run)
    with pytest.raises(InstanceNotSeenStoppedError, match=r"after 60 s instance .* is running.*stop-instances"):
        await_stop(run, Time(stack, None).patience(60), console()[0], was_running=True)


def test_stop_from_the_command_line(stack, run_cli, capsys):
    stack.start("run-now", WAITS)
    assert run_cli("stop", "run-now", "--stage", STAGE) == 0
    assert f"Run run-now is ABORTED; instance {stack.instance_id} was seen stopped." in capsys.readouterr().out
    assert run_cli("stop", "run-now", "--stage", STAGE, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["was_running"], document["status"]) == (False, "aborted")


def test_an_instance_that_stays_up_exits_1(stack, run_cli, capsys):
    stack.start("run-now", WAITS)
    stack.hold_instance("run-now")
    assert run_cli("stop", "run-now", "--stage", STAGE, "--wait-seconds", "0") == 1
    assert "docs/runbook.md" in capsys.readouterr().err
    assert not stack.found.run("run-now").is_running


def test_another_runs_instance_is_not_waited_for(stack, run_cli, capsys):
    stack.start("run-old")
    stack.hold_instance("run-new")
    assert run_cli("stop", "run-old", "--stage", STAGE) == 0
    assert "is run run-new's now" in capsys.readouterr().out
    assert stack.instance_state() == "running"


def test_latest_is_the_run_that_goes_on_though_an_older_one_has_made_a_model(stack, record, run_cli, capsys):
    stack.start("run-good")
    stack.put_record(record, "run-good")
    stack.start("run-now", WAITS)
    assert run_cli("stop", "latest", "--stage", STAGE) == 0
    assert "Run run-now is ABORTED" in capsys.readouterr().out


def test_latest_is_refused_where_the_newest_run_has_ended_while_another_goes_on(stack, run_cli, capsys):
    stack.start("run-now", WAITS)
    stack.start("run-refused", FAILS)
    assert run_cli("stop", "latest", "--stage", STAGE) == 2
    told = capsys.readouterr()
    assert "run-refused, has ended, but this goes on: run-now" in told.err
    assert told.out == ""
    assert stack.found.run("run-now").is_running


def test_ctrl_c_while_looking_says_how_to_look_again(stack, run_cli, capsys, monkeypatch):
    def interrupted(*_what: object, **_how: object) -> None:
        raise KeyboardInterrupt

    stack.start("run-now", WAITS)
    monkeypatch.setattr("fine_tune_slm.desk.stopping.await_stop", interrupted)
    assert run_cli("stop", "run-now", "--stage", STAGE) == 130
    assert f"Look again with: fine-tune-slm stop run-now --stage {STAGE}" in capsys.readouterr().out


def test_a_rehearsal_that_ended_has_nothing_to_stop(tmp_path, run_cli, capsys):
    kept = keep(tmp_path, MadeUpRun())
    assert run_cli("stop", kept.run_id, "--root", str(tmp_path)) == 0
    assert f"Run {kept.run_id} had ended before, SUCCEEDED; instance" in capsys.readouterr().out
    (tmp_path / "runs" / "cut-off").mkdir()
    assert run_cli("stop", "cut-off", "--root", str(tmp_path)) == 0
    assert "CUT_OFF; nothing of it goes on" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["absent", "--stage", STAGE], ["absent"], ["run", "--wait-seconds", "-1"]])
def test_what_cannot_be_stopped_is_the_users_mistake(arguments, stack, run_cli, capsys):
    assert run_cli("stop", *arguments) == 2
    assert "Traceback" not in capsys.readouterr().err
