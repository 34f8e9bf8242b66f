"""`runs`: the rehearsals of this machine and the runs of a stack, filtered and sorted."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest
from rich.console import Console

from fine_tune_slm.commands.runs import Sort, State
from fine_tune_slm.desk.place import Whereabouts
from fine_tune_slm.desk.rows import RunRow, RunState, RunsWanted, SortKey
from fine_tune_slm.desk.runs_view import show_rows
from fine_tune_slm.naming import stack_name
from tests.made_up_runs import MadeUpRun, keep
from tests.unit.emulated_stack import FAILS, STAGE, WAITS


def row(run_id: str, day: int | None = 1, **changes) -> RunRow:
    started_at = datetime(2030, 1, day, tzinfo=UTC) if day else None
    return RunRow(**{"run_id": run_id, "status": RunState.SUCCEEDED, "started_at": started_at} | changes)


ROWS = [
    row("new", 4, macro_f1=0.5, cost_usd=3.0, seconds=20.0),
    row("lost", None, status=RunState.UNFINISHED),
    row("middle", 3, macro_f1=0.9, cost_usd=1.0, seconds=30.0, status=RunState.REJECTED),
    row("old", 1, cost_usd=2.0, seconds=10.0, status=RunState.FAILED),
]


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ({}, ["new", "lost", "middle", "old"]),
        ({"last": 2}, ["new", "lost"]),
        ({"states": (RunState.FAILED, RunState.REJECTED)}, ["middle", "old"]),
        ({"since": datetime(2030, 1, 3, tzinfo=UTC)}, ["new", "middle"]),
        ({"until": datetime(2030, 1, 3, tzinfo=UTC)}, ["middle", "old"]),
        ({"sort": SortKey.SCORE}, ["middle", "new", "lost", "old"]),
        ({"sort": SortKey.COST, "last": 2}, ["new", "old"]),
        ({"sort": SortKey.TIME, "states": (RunState.SUCCEEDED,)}, ["new"]),
    ],
)
def test_runs_are_chosen_by_state_and_date_and_sorted(wanted, chosen):
    assert [row.run_id for row in RunsWanted(**wanted).choose(ROWS)] == chosen


def test_the_newest_are_listed_without_reading_all():
    def rows():
        yield from ROWS[:2]
        raise AssertionError("one row more than was asked for")

    assert len(RunsWanted(last=2).choose(rows())) == 2


def test_the_options_know_the_states_and_orders_that_there_are():
    assert [state.value for state in State] == [state.value for state in RunState]
    assert [key.value for key in Sort] == [key.value for key in SortKey]


def test_kept_rehearsals_are_listed_with_score_cost_and_error(tmp_path, run_cli, capsys):
    keep(tmp_path, MadeUpRun(run_id="good"))
    keep(tmp_path, MadeUpRun(run_id="below-the-gate", status="rejected", day=1))
    (tmp_path / "runs" / "cut-off").mkdir()
    assert run_cli("runs", "--root", str(tmp_path), "--json") == 0
    rows = {row["run_id"]: row for row in json.loads(capsys.readouterr().out)}
    assert {run_id: row["status"] for run_id, row in rows.items()} == {
        "good": "succeeded",
        "below-the-gate": "rejected",
        "cut-off": "unfinished",
    }
    assert rows["good"]["cost_usd"] == 0.0815
    assert 0.4 < rows["good"]["macro_f1"] < 1


def test_a_table_that_nobody_watches_has_whole_lines_and_no_footer(tmp_path, run_cli, capsys):
    keep(tmp_path, MadeUpRun())
    assert run_cli("runs", "--root", str(tmp_path)) == 0
    heading, line = capsys.readouterr().out.splitlines()
    assert heading.split()[:2] == ["run", "state"]
    assert line.split()[:3] == ["rehearsal-20300102-030405-0a0b", "succeeded", "2030-01-02"]


@pytest.mark.parametrize(
    ("width", "headings"),
    [
        (60, ["run", "state", "macro-F1", "cost"]),
        (80, ["run", "state", "macro-F1", "cost", "error"]),
        (120, ["run", "state", "started", "(UTC)", "time", "macro-F1", "cost", "error"]),
    ],
)
def test_a_run_id_is_whole_on_a_narrow_terminal_and_what_is_left_out_is_said(width, headings):
    ids = ["rehearsal-20300102-030405-0a0b", "rehearsal-20300102-030406-0a0b"]
    rows = [
        row(ids[0], macro_f1=0.5, cost_usd=0.0815, seconds=61.0),
        row(ids[1], status=RunState.REJECTED, error="ModelRejectedError"),
    ]
    out = io.StringIO()
    show_rows(rows, Whereabouts(), Console(file=out, width=width, force_terminal=True, color_system=None))
    heading, *lines = out.getvalue().splitlines()
    assert heading.split() == headings
    assert [line.split()[:2] for line in lines[:2]] == [[ids[0], "succeeded"], [ids[1], "rejected"]]
    assert ("left out, for want of width: " in lines[2]) == (width < 120)


def test_a_run_id_longer_than_the_line_is_folded_and_not_cut():
    run_id = "a-name-of-as-many-characters-as-a-run-may-be-given-20300102-030405-0a0b"
    out = io.StringIO()
    show_rows([row(run_id)], Whereabouts(), Console(file=out, width=60))
    first, second = out.getvalue().splitlines()[1:3]
    assert first.split()[0] + second.strip() == run_id
    assert first.split()[1] == "succeeded"


def test_without_a_run_the_way_to_begin_one_is_told(tmp_path, run_cli, stack, capsys):
    assert run_cli("runs", "--root", str(tmp_path)) == 0
    assert "fine-tune-slm rehearse" in capsys.readouterr().out
    assert run_cli("runs", "--stage", STAGE) == 0
    assert f"fine-tune-slm start --stage {STAGE}" in capsys.readouterr().out


def test_runs_of_a_stack_are_listed_the_newest_first(stack, record, failed_record, run_cli, capsys):
    stack.start("run-good")
    stack.start("run-bad", FAILS)
    stack.start("run-now", WAITS)
    stack.put_record(record, "run-good")
    stack.put_record(failed_record, "run-bad")
    assert run_cli("runs", "--stage", STAGE, "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["run_id"], row["status"], row["macro_f1"], row["error"]) for row in rows] == [
        ("run-now", "running", None, None),
        ("run-bad", "failed", None, "TrainingOutOfMemoryError"),
        ("run-good", "succeeded", 0.62, None),
    ]


def test_a_stopped_run_of_a_stack_is_aborted_and_a_refused_one_has_no_record(stack, failed_record, run_cli, capsys):
    stack.start("run-stopped", WAITS)
    stack.stop("run-stopped")
    stack.put_record(failed_record, "run-stopped")
    stack.start("run-refused", FAILS)
    assert run_cli("runs", "--stage", STAGE, "--json", "--state", "aborted", "--state", "failed") == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["run_id"], row["status"]) for row in rows] == [("run-refused", "failed"), ("run-stopped", "aborted")]
    assert rows[0]["seconds"] is not None


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--stage", "absent"], "no stack fine-tune-slm-absent"),
        (["--stage", "a-stage", "--profile", "absent"], "absent"),
        (["--region", "us-east-1"], "no stack fine-tune-slm"),
        (["--state", "sleeping"], "sleeping"),
        (["--since", "yesterday"], "yesterday"),
        (["--last", "0"], "--last"),
        (["--sort", "name"], "name"),
    ],
)
def test_what_cannot_be_listed_is_told_in_a_line_without_a_traceback(arguments, words, stack, run_cli, capsys):
    assert run_cli("runs", *arguments) == 2
    told = capsys.readouterr().err
    assert words in told
    assert "Traceback" not in told


def test_a_stack_of_another_project_is_not_taken_for_ours(stack, run_cli, capsys):
    template = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}}
    stack.client("cloudformation").create_stack(StackName=stack_name("other"), TemplateBody=json.dumps(template))
    assert run_cli("runs", "--stage", "other") == 2
    assert "was not deployed from this project's template" in capsys.readouterr().err
