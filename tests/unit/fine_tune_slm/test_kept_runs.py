from __future__ import annotations

import json
import os

import pytest

from fine_tune_slm.errors import ArchiveDamagedError, RunUnknownError
from fine_tune_slm.kept_runs import KeptRuns, verify_archive

RUN_ID = "rehearsal-20300102-030405-0a0b"


@pytest.fixture
def kept_runs(tmp_path):
    return KeptRuns(tmp_path / ".local")


@pytest.fixture
def run(kept_runs, make_archive):
    run = kept_runs.run(RUN_ID)
    make_archive(run.directory / "s3" / "bucket" / "models" / RUN_ID)
    return run


def test_the_latest_model_is_that_of_the_run_that_was_marked_last(kept_runs, run):
    kept_runs.run("other").directory.mkdir()
    kept_runs.mark_latest(kept_runs.run("other"))
    kept_runs.mark_latest(run)
    assert kept_runs.find_model("latest").run_id == RUN_ID
    assert [path.name for path in kept_runs.directory.iterdir() if path.name.startswith(".")] == []


@pytest.mark.parametrize("name", ["latest", "absent", "../../etc", ""])
def test_a_run_that_is_not_kept_is_refused_with_the_way_to_make_one(kept_runs, name):
    for find in (kept_runs.find, kept_runs.find_ended, kept_runs.find_model):
        with pytest.raises(RunUnknownError, match="fine-tune-slm rehearse"):
            find(name)


def test_runs_are_listed_the_newest_first_without_the_pointer(kept_runs):
    for number, name in enumerate(("first", "second", "third")):
        kept_runs.run(name).directory.mkdir(parents=True)
        os.utime(kept_runs.run(name).directory, (number, number))
    kept_runs.mark_latest(kept_runs.run("first"))
    assert [run.run_id for run in kept_runs.all()] == ["third", "second", "first"]
    assert kept_runs.find("latest").run_id == "third"


def test_latest_is_the_run_that_was_started_last_whatever_was_written_to_another_one_since(kept_runs):
    for number, name in enumerate(("resumed-20300102-030406-0a0b", RUN_ID, "rehearsal-20300102-030404-ffff")):
        kept_runs.run(name).directory.mkdir(parents=True)
        os.utime(kept_runs.run(name).directory, (number, number))
    assert kept_runs.find("latest").run_id == "resumed-20300102-030406-0a0b"


def test_the_latest_that_has_ended_is_not_one_that_goes_on(kept_runs):
    ended, going_on = kept_runs.run(RUN_ID), kept_runs.run("rehearsal-20300102-040506-0a0b")
    (ended.directory / "executions").mkdir(parents=True)
    (ended.directory / "executions" / f"{RUN_ID}.json").touch()
    going_on.directory.mkdir()
    assert kept_runs.find_ended("latest") == ended
    assert kept_runs.find_ended(going_on.run_id) == kept_runs.find("latest") == going_on


def test_pruning_keeps_the_newest_runs_and_the_latest_archive(kept_runs):
    for number, name in enumerate(("first", "second", "third")):
        kept_runs.run(name).directory.mkdir(parents=True)
        os.utime(kept_runs.run(name).directory, (number, number))
    kept_runs.mark_latest(kept_runs.run("first"))
    kept_runs.keep_newest(1)
    assert {run.run_id for run in kept_runs.all()} == {"third", "first"}


def test_the_record_and_the_timeline_are_read_from_what_the_emulator_kept(kept_runs, record, failed_history):
    run = kept_runs.run(RUN_ID)
    objects = run.directory / "s3" / "bucket" / "runs" / RUN_ID
    objects.mkdir(parents=True)
    (objects / "record.json").write_text(record.model_dump_json(), encoding="utf-8")
    (run.directory / "executions").mkdir()
    history = {"execution": {"status": "FAILED"}, "events": failed_history.events}
    (run.directory / "executions" / f"{RUN_ID}.json").write_text(json.dumps(history, default=str), encoding="utf-8")
    assert run.read_record() == record
    assert run.read_timeline().seconds == 9.0


def test_a_run_without_record_or_history_can_still_be_looked_at(kept_runs):
    run = kept_runs.run(RUN_ID)
    run.directory.mkdir(parents=True)
    assert run.read_record() is None
    assert run.read_timeline().visits == []
    assert run.archive() is None


def test_an_archive_that_matches_its_manifest_is_accepted(run):
    assert verify_archive(run.archive()).run_id == RUN_ID


@pytest.mark.parametrize("change", [lambda file: file.write_bytes(b"other"), lambda file: file.unlink()])
def test_an_archive_with_a_changed_or_missing_file_is_refused(run, change):
    change(run.archive() / "adapter_model.safetensors")
    with pytest.raises(ArchiveDamagedError, match=r"adapter_model\.safetensors"):
        verify_archive(run.archive())
