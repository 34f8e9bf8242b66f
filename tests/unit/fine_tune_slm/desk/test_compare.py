"""`compare`: two runs beside each other, paired where the same notes were read."""

from __future__ import annotations

import json

import pytest
from slm_core.layout import OUTCOMES_NAME, RunKeys

from extraction.comparison import compare_counts
from extraction.outcomes import NoteOutcomes
from fine_tune_slm.desk.comparison import flattened
from tests.made_up_runs import MadeUpRun, counts_of, keep, spec_of
from tests.unit.emulated_stack import FAILS, STAGE


def compared(run_cli, capsys, root, *names) -> dict:
    assert run_cli("compare", *names, "--root", str(root), "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_scores_are_paired_over_the_same_notes(tmp_path, run_cli, capsys):
    keep(tmp_path, MadeUpRun(run_id="weak", skill=0.3))
    keep(tmp_path, MadeUpRun(run_id="strong", skill=0.9, polls=40))
    document = compared(run_cli, capsys, tmp_path, "weak", "strong")
    expected = compare_counts(counts_of(32, 0.9), counts_of(32, 0.3)).macro_f1
    [macro] = [score for score in document["scores"] if score["name"] == "macro-F1"]
    assert macro["difference"]["difference"] == expected.difference > 0
    assert macro["difference"]["interval"] == expected.interval.model_dump()
    assert document["why_not_paired"] is None
    assert [usage["key"] for usage in document["usage"]] == ["billed_seconds"]


def test_only_what_was_configured_differently_is_told(tmp_path, run_cli, capsys):
    keep(tmp_path, MadeUpRun(run_id="first"))
    keep(tmp_path, MadeUpRun(run_id="second", status="rejected"))
    document = compared(run_cli, capsys, tmp_path, "first", "second")
    assert document["configuration"] == [{"key": "gate.macro_f1_min", "first": 0.3, "second": 0.99}]


def test_a_run_compared_with_itself_differs_in_nothing(tmp_path, run_cli, capsys):
    keep(tmp_path, MadeUpRun(run_id="same"))
    assert run_cli("compare", "same", "same", "--root", str(tmp_path)) == 0
    told = capsys.readouterr().out
    assert "configuration: the same in both" in told
    assert "unclear" in told
    assert "better" not in told


def test_a_reader_is_told_which_is_better(tmp_path, run_cli, capsys):
    keep(tmp_path, MadeUpRun(run_id="weak", skill=0.1))
    keep(tmp_path, MadeUpRun(run_id="strong", skill=0.95))
    assert run_cli("compare", "strong", "weak", "--root", str(tmp_path)) == 0
    told = capsys.readouterr().out
    [line] = [line for line in told.splitlines() if line.startswith("macro-F1")]
    assert line.split()[-1] == "worse"
    assert "paired over the same 32 notes" in told


@pytest.mark.parametrize(
    ("second", "words"),
    [
        (MadeUpRun(run_id="second", notes=16), "measured on different notes"),
        (MadeUpRun(run_id="second", status="failed", is_measured=False), "has no scores"),
    ],
)
def test_what_cannot_be_paired_says_why(second, words, tmp_path, run_cli, capsys):
    keep(tmp_path, MadeUpRun(run_id="first"))
    keep(tmp_path, second)
    assert run_cli("compare", "first", "second", "--root", str(tmp_path)) == 0
    assert words in capsys.readouterr().out


def damage_spec(kept) -> None:
    [spec] = kept.directory.glob("s3/*/runs/*/run.json")
    document = json.loads(spec.read_text(encoding="utf-8"))
    document["config"]["training"]["learning_rate"] = -1234.5
    spec.write_text(json.dumps(document), encoding="utf-8")


@pytest.mark.parametrize("damaged", [["first"], ["first", "second"]])
def test_a_configuration_that_cannot_be_read_is_said_to_be_so_and_why_and_scores_are_compared(
    damaged, tmp_path, run_cli, capsys
):
    kept = {run_id: keep(tmp_path, MadeUpRun(run_id=run_id)) for run_id in ("first", "second")}
    for run_id in damaged:
        damage_spec(kept[run_id])
    assert run_cli("compare", "first", "second", "--root", str(tmp_path)) == 0
    told = capsys.readouterr().out
    assert "configuration: the same" not in told
    [line] = [line for line in told.splitlines() if line.startswith("configuration: not compared")]
    for run_id in damaged:
        assert f"of {run_id}, its run.json cannot be read: config.training.learning_rate" in line
    assert "1234.5" not in told
    assert "macro-F1" in told
    document = compared(run_cli, capsys, tmp_path, "first", "second")
    assert document["configuration"] == []
    assert document["why_not_configured"] in line


def test_time_and_cost_without_a_record_are_not_called_the_same(tmp_path, run_cli, capsys):
    for run_id in ("first", "second"):
        kept = keep(tmp_path, MadeUpRun(run_id=run_id))
        next(kept.directory.glob("s3/*/runs/*/record.json")).unlink()
    assert run_cli("compare", "first", "second", "--root", str(tmp_path)) == 0
    told = capsys.readouterr().out
    assert "time and cost: not compared: no record can be read of first and second" in told
    assert "configuration: the same in both" in told


def test_runs_of_a_stack_are_compared_from_the_bucket(stack, record, run_cli, capsys):
    for run_id, skill in (("run-1", 0.3), ("run-2", 0.9)):
        stack.start(run_id)
        stack.put(RunKeys(run_id).spec, spec_of(MadeUpRun(run_id=run_id)))
        stack.put_record(record, run_id)
        outcomes = NoteOutcomes(before=None, after=counts_of(32, skill))
        stack.put(f"{RunKeys(run_id).archive}{OUTCOMES_NAME}", outcomes)
    assert run_cli("compare", "run-1", "run-2", "--stage", STAGE) == 0
    told = capsys.readouterr().out
    assert "better" in told
    assert "time and cost: the same in both" in told


@pytest.mark.parametrize("arguments", [["good"], ["good", "absent"], ["good", "cut-off"], []])
def test_what_cannot_be_compared_is_the_users_mistake(arguments, tmp_path, run_cli, capsys):
    keep(tmp_path, MadeUpRun(run_id="good"))
    (tmp_path / "runs" / "cut-off").mkdir()
    assert run_cli("compare", *arguments, "--root", str(tmp_path)) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_refused_run_of_a_stack_has_nothing_to_compare(stack, run_cli, capsys):
    stack.start("run-refused", FAILS)
    assert run_cli("compare", "run-refused", "run-refused", "--stage", STAGE) == 2
    assert "neither a configuration nor a record: it has no run.json" in capsys.readouterr().err


def test_a_nested_document_has_one_dotted_key_for_each_value():
    assert flattened({"a": {"b": 1, "c": {"d": [2]}}, "e": None}) == {"a.b": 1, "a.c.d": [2], "e": None}
