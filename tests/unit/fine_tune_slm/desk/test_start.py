"""`start` and `resume` on a stack: nothing begins unsaid, unasked, twice, or with what the workflow would refuse."""

from __future__ import annotations

import json

import pytest
import yaml
from slm_core.layout import RunKeys
from slm_core.records import Phase
from slm_core.training_config import load_training_config

from fine_tune_slm.desk.execution_request import input_of_config, resolved
from fine_tune_slm.desk.rehearsals import RehearsalNote
from fine_tune_slm.desk.resuming import resuming_input
from fine_tune_slm.errors import CheckpointUnknownError, ConfigUndeliverableError
from fine_tune_slm.project import find_project
from tests.made_up_runs import MadeUpRun, keep
from tests.unit.emulated_stack import FAILS, PARAMETER_ROOT, STAGE, WAITS
from tests.unit.fine_tune_slm.desk.test_status_and_logs import progress

CONFIG = find_project() / "config" / "training_config.yml"


def started_input(stack) -> dict:
    [run_id] = stack.names()
    return json.loads(stack.found.run(run_id).execution.description()["input"])


def test_a_start_says_what_it_will_do_and_then_starts_it(stack, run_cli, capsys):
    stack.put_settings()
    assert run_cli("start", "--stage", STAGE, "--yes", "--input", '{"max_hours": 6}') == 0
    told = capsys.readouterr().out
    for words in ("g6.2xlarge or g5.2xlarge", "100 in train.jsonl", "hours, $", "6.0 hours, $5.87, by max_hours"):
        assert words in told
    [run_id] = stack.names()
    assert f"Run {run_id} was started." in told
    assert f"fine-tune-slm status {run_id} --watch --stage {STAGE}" in told
    assert started_input(stack) == {"max_hours": 6}


def test_a_budget_binds_where_it_ends_first(stack, run_cli, capsys):
    stack.put_settings()
    assert run_cli("start", "--stage", STAGE, "--dry-run", "--input", '{"budget_usd": 0.9776}') == 0
    assert "1.0 hours, $0.98, by budget_usd" in capsys.readouterr().out
    assert stack.names() == []


def test_for_machines_plan_and_run_are_one_document(stack, run_cli, capsys):
    stack.put_settings()
    assert run_cli("start", "--stage", STAGE, "--yes", "--json", "--run-name", "nightly") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["run_id"].startswith("nightly-")
    assert document["execution_arn"].endswith(document["run_id"])
    assert document["plan"]["cost_usd"]["low"] < document["plan"]["cost_usd"]["high"]


def test_a_watched_start_ends_with_the_run(stack, run_cli, capsys):
    stack.put_settings()
    assert run_cli("start", "--stage", STAGE, "--yes", "--watch") == 0
    assert "SUCCEEDED in" in capsys.readouterr().out
    failing = json.dumps({"run_name": FAILS})
    assert run_cli("start", "--stage", STAGE, "--yes", "--watch", "--input", failing) == 1
    assert "TrainingDivergedError" in capsys.readouterr().out


def test_a_second_start_is_refused_and_says_which_run_goes_on(stack, run_cli, capsys):
    stack.put_settings()
    stack.start("run-now", WAITS)
    assert run_cli("start", "--stage", STAGE, "--yes") == 75
    assert "Run run-now of stack fine-tune-slm-a-stage goes on since" in capsys.readouterr().err
    assert stack.names() == ["run-now"]


def test_nobody_is_asked_without_a_terminal(stack, run_cli, capsys):
    stack.put_settings()
    assert run_cli("start", "--stage", STAGE) == 2
    assert "add --yes" in capsys.readouterr().err
    assert stack.names() == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--input", "{"], "--input is no valid JSON"),
        (["--input", "[]"], "must be a JSON object"),
        (["--input", '{"learning_rate": 1}'], "unknown key"),
        (["--input", '{"training": {"learning_rate": -1}}'], "training.learning_rate"),
        (["--input", '{"instance_types": ["p9.large"]}'], "no price for p9.large"),
        (["--config", "absent.yml"], "absent.yml cannot be read"),
        (["--run-name", "a b"], "--run-name"),
    ],
)
def test_what_the_workflow_would_refuse_is_not_started(arguments, words, stack, run_cli, capsys):
    stack.put_settings()
    assert run_cli("start", "--stage", STAGE, "--yes", *arguments) == 2
    assert words in capsys.readouterr().err
    assert stack.names() == []


def test_without_a_stack_the_rehearsal_is_named(run_cli, capsys):
    assert run_cli("start") == 2
    assert "fine-tune-slm rehearse" in capsys.readouterr().err


def test_a_stack_without_settings_or_dataset_says_what_is_missing(stack, run_cli, capsys):
    assert run_cli("start", "--stage", STAGE, "--yes") == 2
    assert f"{PARAMETER_ROOT}/hub/base_model_revision (owner: init)" in capsys.readouterr().err
    stack.put_settings(**{"storage/dataset_sha256": "cd" * 32})
    assert run_cli("start", "--stage", STAGE, "--yes") == 2
    assert "fine-tune-slm dataset publish" in capsys.readouterr().err


def changed_config(path, **sections):
    content = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    for section, values in sections.items():
        content[section] |= values
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def test_a_configuration_file_becomes_the_runs_configuration(stack, run_cli, tmp_path):
    stack.put_settings()
    file = changed_config(tmp_path / "mine.yml", training={"learning_rate": 0.0003}, publish={"enabled": False})
    options = ["--config", str(file), "--input", '{"training": {"samples": 50}}']
    assert run_cli("start", "--stage", STAGE, "--yes", *options) == 0
    _request, config = resolved(started_input(stack), load_training_config(CONFIG))
    assert config.training.learning_rate == 0.0003
    assert config.training.samples == 50
    assert not config.publish.enabled


def test_what_an_input_cannot_carry_is_refused_by_name(tmp_path):
    file = changed_config(tmp_path / "mine.yml", gate={"macro_f1_min": 0.1}, limits={"stall_minutes": 99})
    with pytest.raises(ConfigUndeliverableError, match=r"gate\.macro_f1_min, limits\.stall_minutes|stall_minutes"):
        input_of_config(load_training_config(file), load_training_config(CONFIG))


def test_an_estimate_counts_the_gpus_of_the_first_instance_type(stack, run_cli, capsys):
    stack.put_settings()
    options = ["--input", '{"instance_types": ["g6.12xlarge"]}']
    assert run_cli("start", "--stage", STAGE, "--dry-run", "--json", *options) == 0
    four = json.loads(capsys.readouterr().out)["plan"]["hours"]
    assert run_cli("start", "--stage", STAGE, "--dry-run", "--json") == 0
    one = json.loads(capsys.readouterr().out)["plan"]["hours"]
    assert four["high"] < one["high"]


def test_a_resumed_run_is_asked_what_the_first_was_and_goes_on_from_its_checkpoint(
    stack, failed_record, run_cli, capsys
):
    stack.put_settings()
    stack.start("run-bad", FAILS)
    stack.put_record(failed_record, "run-bad")
    assert run_cli("resume", "run-bad", "--stage", STAGE, "--yes") == 0
    [resumed] = [name for name in stack.names() if name != "run-bad"]
    content = json.loads(stack.found.run(resumed).execution.description()["input"])
    assert content == {"run_name": FAILS, "resume_from": "run-bad"}
    assert resumed.startswith("resumed-")


def test_a_run_without_a_checkpoint_or_that_goes_on_is_not_resumed(stack, run_cli, capsys):
    stack.put_settings()
    stack.start("run-bad", FAILS)
    assert run_cli("resume", "run-bad", "--stage", STAGE, "--yes") == 2
    assert "has left no checkpoint" in capsys.readouterr().err
    stack.start("run-now", WAITS)
    assert run_cli("resume", "run-now", "--stage", STAGE, "--yes") == 75
    assert run_cli("resume", "absent", "--stage", STAGE, "--yes") == 2
    assert run_cli("resume") == 2


def test_a_checkpoint_that_only_the_progress_tells_of_is_one(stack):
    stack.start("run-bad", FAILS)
    stack.put(RunKeys("run-bad").progress, progress("run-bad", phase=Phase.TRAINING, checkpoint_step=8))
    assert resuming_input(stack.found.run("run-bad"))["resume_from"] == "run-bad"


def test_a_kept_rehearsal_is_resumed_with_its_own_input(tmp_path, run_cli, capsys):
    kept = keep(tmp_path, MadeUpRun(status="failed"))
    assert run_cli("resume", kept.run_id, "--root", str(tmp_path), "--dry-run") == 0
    assert json.loads(capsys.readouterr().out) == {"input": {"resume_from": kept.run_id}}


def test_a_run_that_succeeded_is_not_resumed(tmp_path, run_cli, capsys):
    kept = keep(tmp_path, MadeUpRun())
    assert run_cli("resume", kept.run_id, "--root", str(tmp_path), "--dry-run") == 2
    said = capsys.readouterr()
    assert f"Run {kept.run_id} succeeded" in said.err
    assert '"resume_from"' in said.err
    assert not said.out


def test_a_missing_region_is_the_users_mistake(monkeypatch, run_cli, capsys):
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    assert run_cli("runs", "--stage", STAGE) == 2
    assert "You must specify a region" in capsys.readouterr().err


def test_a_rehearsal_that_was_cut_off_is_resumed_from_what_lies_on_the_volume(tmp_path):
    run = keep(tmp_path, MadeUpRun())
    for file in ((run.directory / "executions"), (run.directory / "s3")):
        file.rename(tmp_path / file.name)
    with pytest.raises(CheckpointUnknownError):
        resuming_input(run)
    (tmp_path / "volume" / "runs" / run.run_id / "checkpoints" / "step-4").mkdir(parents=True)
    asked = {"training": {"epochs": 2}}
    note = {"endpoint_url": "http://127.0.0.1:9", "region": "us-east-1", "stack": "s"}
    RehearsalNote(**note, execution_input=json.dumps(asked)).write(run)
    assert resuming_input(run) == asked | {"resume_from": run.run_id}
