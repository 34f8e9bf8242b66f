from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from extraction.schema import FIELDS
from fine_tune_slm.closing import run_result, show_result, write_run_report
from fine_tune_slm.errors import ArchiveDamagedError
from fine_tune_slm.kept_runs import KeptRuns
from fine_tune_slm.timeline import Timeline


@pytest.fixture
def succeeded(tmp_path, record, history, make_archive):
    run = KeptRuns(tmp_path / ".local").run(record.run_id)
    make_archive(run.directory / "s3" / "bucket" / "models" / record.run_id)
    timeline = Timeline()
    timeline.ingest(history().state("PrepareRun", 4).poll(60).end("ExecutionSucceeded").events)
    return run_result(run, record, timeline)


@pytest.fixture
def failed(tmp_path, failed_record, failed_history):
    run = KeptRuns(tmp_path / ".local").run(failed_record.run_id)
    run.directory.mkdir(parents=True)
    timeline = Timeline()
    timeline.ingest(failed_history.events)
    return run_result(run, failed_record, timeline)


def shown(result) -> str:
    out = io.StringIO()
    show_result(result, Console(file=out, width=140))
    return out.getvalue()


def test_the_summary_tells_status_states_scores_places_and_what_to_try(succeeded):
    write_run_report(succeeded)
    text = shown(succeeded)
    for expected in (
        "SUCCEEDED in 1 min 04 s",
        "AwaitTraining",
        "macro-F1",
        "0.31 to 0.81",
        ", stopped",
        "rehearsal/SmolLM2-135M-Instruct-clinical-extraction at " + "c" * 40,
        str(succeeded.run.report),
        f"fine-tune-slm extract --run {succeeded.run.run_id} NOTE.txt",
    ):
        assert expected in text


def test_no_field_and_no_state_is_cut_on_a_narrow_terminal(succeeded):
    out = io.StringIO()
    show_result(succeeded, Console(file=out, width=60))
    words = out.getvalue().split()
    assert {*FIELDS, *(visit.name for visit in succeeded.timeline.visits)} <= set(words)


def test_the_newest_run_is_called_latest(succeeded, tmp_path):
    KeptRuns(tmp_path / ".local").mark_latest(succeeded.run)
    assert "fine-tune-slm extract --run latest NOTE.txt" in shown(succeeded)


def test_the_command_that_goes_on_is_never_broken_into_two_lines(failed):
    out = io.StringIO()
    show_result(failed, Console(file=out, width=40))
    command = f"fine-tune-slm resume {failed.run.run_id} --root {KeptRuns.of(failed.run).root}"
    assert any(line.endswith(command) for line in out.getvalue().splitlines())


def test_the_summary_of_a_failure_is_its_card(failed):
    text = shown(failed)
    assert "TrainingOutOfMemoryError" in text
    assert "CheckTraining" in text
    assert "i-0123456789abcdef0 is stopped" in text
    assert "step 24" in text
    assert f"fine-tune-slm resume {failed.run.run_id}" in text
    assert "try it" not in text


def test_for_machines_there_is_one_json_document(succeeded, capsys):
    show_result(succeeded, as_json=True)
    content = json.loads(capsys.readouterr().out)
    assert content["status"] == "succeeded"
    assert content["record"]["metrics"]["after"]["macro_f1"] == 0.62
    assert content["failure"] is None


def test_no_report_is_written_about_an_archive_that_does_not_match_its_manifest(succeeded):
    (succeeded.archive / "history.jsonl").write_text("{}", encoding="utf-8")
    with pytest.raises(ArchiveDamagedError, match=r"history\.jsonl"):
        write_run_report(succeeded)
