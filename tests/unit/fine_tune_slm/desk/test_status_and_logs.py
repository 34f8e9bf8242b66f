"""`status` and `logs`: of a run that goes on, of one that ended, here and in an account."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from slm_core.layout import RunKeys
from slm_core.records import Phase, Progress

from fine_tune_slm.desk.logs import LogRequest, function_of, log_lines
from fine_tune_slm.desk.rehearsals import RehearsalNote
from fine_tune_slm.naming import stack_name
from fine_tune_slm.project import find_project
from tests.made_up_runs import MadeUpRun, keep
from tests.unit.emulated_stack import FAILS, STAGE, WAITS

TRAINING = f"/fine-tune-slm/{STAGE}/training"


def progress(run_id: str, **changes) -> Progress:
    content = {"run_id": run_id, "fence": 1, "phase": Phase.TRAINING, "step": 8, "total_steps": 32, "loss": 0.81234}
    return Progress(**content | {"updated_at": datetime.now(UTC)} | changes)


def test_a_run_that_goes_on_is_told_with_its_states_and_progress(stack, run_cli, capsys):
    stack.start("run-now", WAITS)
    stack.put(RunKeys("run-now").progress, progress("run-now"))
    assert run_cli("status", "--stage", STAGE) == 0
    told = capsys.readouterr().out
    assert "training  step 8/32  loss 0.812" in told
    assert "run-now RUNNING" in told
    assert run_cli("status", "run-now", "--stage", STAGE, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["status"] == "running"
    assert document["progress"]["step"] == 8


def test_what_a_run_has_cost_and_will_cost_is_told_from_the_lease(stack, run_cli, capsys):
    stack.start("run-now", WAITS)
    stack.hold_instance("run-now", launched_at=datetime.now(UTC) - timedelta(hours=2))
    pace = {
        "step_seconds_quartiles": {"low": 60.0, "high": 90.0},
        "losses": (2.0, 1.0, 0.5),
        "evaluation_seconds": 60.0,
    }
    stack.put(RunKeys("run-now").progress, progress("run-now", **pace))
    assert run_cli("status", "--stage", STAGE, "--json") == 0
    told = json.loads(capsys.readouterr().out)["outlook"]
    assert told["spent_usd"] == pytest.approx(2 * 0.9776, abs=0.01)
    assert told["seconds"]["low"] < told["seconds"]["high"]
    assert run_cli("status", "--stage", STAGE) == 0
    shown = capsys.readouterr().out
    assert "loss 0.812  █▃▁" in shown
    assert "$1.96 so far, $0.4" in shown


def test_another_runs_instance_is_not_counted(stack):
    stack.start("run-now", WAITS)
    stack.hold_instance("run-other", launched_at=datetime.now(UTC) - timedelta(hours=2))
    assert stack.found.run("run-now").outlook(progress("run-now")).spent_usd is None


def test_only_what_is_new_of_a_history_is_read(stack):
    stack.start("run-1")
    execution = stack.found.run("run-1").execution
    every = execution.events()
    assert [event["id"] for event in every] == list(range(1, len(every) + 1))
    assert execution.events(after_id=4) == every[4:]
    assert execution.events(after_id=len(every)) == []


def test_a_run_that_ended_is_told_with_scores_and_places_in_the_account(stack, record, run_cli, capsys):
    stack.start("run-good")
    stack.put_record(record, "run-good")
    assert run_cli("status", "latest", "--stage", STAGE) == 0
    told = capsys.readouterr().out
    for words in (
        "SUCCEEDED in",
        "macro-F1",
        "s3://an-emulated-bucket/runs/run-good/record.json",
        f"{TRAINING}, stream",
    ):
        assert words in told


def test_latest_is_the_run_that_goes_on_though_an_older_one_has_made_a_model(stack, record, run_cli, capsys):
    stack.start("run-good")
    stack.put_record(record, "run-good")
    stack.start("run-now", WAITS)
    for latest in ([], ["latest"]):
        assert run_cli("status", *latest, "--stage", STAGE) == 0
        assert "run-now RUNNING" in capsys.readouterr().out
    assert stack.found.find_model("latest").run_id == "run-good"


def test_a_failed_run_is_told_with_its_card_and_how_to_go_on_in_the_account(stack, run_cli, capsys):
    stack.start("run-bad", FAILS)
    assert run_cli("status", "run-bad", "--stage", STAGE) == 0
    told = capsys.readouterr().out
    assert "TrainingDivergedError" in told
    assert "NOT KNOWN TO BE STOPPED" in told


@pytest.mark.parametrize("name", ["absent", "", "latest", "a/b"])
def test_a_run_that_the_stack_does_not_know_is_the_users_mistake(name, stack, run_cli, capsys):
    assert run_cli("status", name, "--stage", STAGE) == 2
    assert "fine-tune-slm runs --stage" in capsys.readouterr().err


def test_watching_an_ended_run_tells_it_by_the_exit_code(stack, record, run_cli, capsys):
    stack.start("run-good")
    stack.put_record(record, "run-good")
    assert run_cli("status", "run-good", "--watch", "--stage", STAGE) == 0
    assert "CompleteRun" in capsys.readouterr().out
    stack.start("run-bad", FAILS)
    assert run_cli("status", "run-bad", "--watch", "--stage", STAGE, "--json") == 1
    captured = capsys.readouterr()
    assert json.loads(captured.out)["status"] == "failed"
    assert "! RunFailed" in captured.err or "RunFailed" in captured.err


def test_ctrl_c_ends_the_watching_and_says_what_goes_on(stack, run_cli, capsys, monkeypatch):
    def interrupted(*_execution_and_view: object, **_manner: object) -> None:
        raise KeyboardInterrupt

    stack.start("run-now", WAITS)
    monkeypatch.setattr("fine_tune_slm.desk.status.watch", interrupted)
    assert run_cli("status", "run-now", "--watch", "--stage", STAGE) == 130
    told = capsys.readouterr().out
    assert "Run run-now goes on without this view." in told
    assert f"fine-tune-slm stop run-now --stage {STAGE}" in told
    assert stack.found.run("run-now").is_running


def test_the_log_of_the_training_is_that_of_this_run_alone(stack, run_cli, capsys):
    stack.start("run-1")
    stack.log(TRAINING, "run-1", "phase: training", "phase: done")
    stack.log(TRAINING, "other", "not this")
    assert run_cli("logs", "run-1", "--stage", STAGE) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split("  ")[1] for line in lines] == ["phase: training", "phase: done"]
    assert run_cli("logs", "run-1", "--stage", STAGE, "--json", "--lines", "1") == 0
    assert json.loads(capsys.readouterr().out)["text"] == "phase: done"


def test_the_log_of_a_step_is_read_from_its_functions_group(stack, run_cli, capsys):
    stack.start("run-1")
    group = f"/aws/lambda/{stack_name(STAGE)}-check-training"
    stack.log(group, "2030/01/01", '{"run_id": "run-1", "message": "step done"}', '{"run_id": "run-2"}')
    assert run_cli("logs", "run-1", "--step", "CheckTraining", "--stage", STAGE) == 0
    [line] = capsys.readouterr().out.splitlines()
    assert "step done" in line


def test_a_followed_log_goes_on_until_the_run_has_ended(stack):
    stack.start("run-now", WAITS)
    stack.log(TRAINING, "run-now", "one", "two", "three")
    pauses = []

    def pause(seconds: float) -> None:
        pauses.append(seconds)
        stack.log(TRAINING, "run-now", f"later {len(pauses)}")
        if len(pauses) == 2:
            stack.stop("run-now")

    lines = log_lines(stack.found.run("run-now"), LogRequest(last=2, is_followed=True), pause)
    assert [line.text for line in lines] == ["two", "three", "later 1", "later 2"]


def test_a_rehearsals_logs_are_its_files(tmp_path, run_cli, capsys):
    kept = keep(tmp_path, MadeUpRun())
    (kept.directory / "logs" / "lambda").mkdir(parents=True)
    (kept.directory / "logs" / "training.log").write_text("one\ntwo\n", encoding="utf-8")
    (kept.directory / "logs" / "lambda" / "fine-tune-slm-stop-instance.log").write_text("stopped\n", encoding="utf-8")
    assert run_cli("logs", "--root", str(tmp_path), "-n", "1", "--follow") == 0
    assert capsys.readouterr().out == "two\n"
    assert run_cli("logs", kept.run_id, "--step", "StopAfterFailure", "--root", str(tmp_path)) == 0
    assert capsys.readouterr().out == "stopped\n"


@pytest.mark.parametrize(
    ("arguments", "code_and_words"),
    [
        (["--step", "Sleep"], (2, "--step takes one of PrepareRun, ")),
        (["--step", "AwaitTraining"], (2, "--step takes one of PrepareRun, ")),
        (["--step", "ReapRun"], (1, "has no log of ReapRun")),
        ([], (1, "has no log of the training")),
        (["absent"], (2, "No such run")),
        (["--lines", "0"], (2, "--lines")),
    ],
)
def test_a_log_that_is_not_there_is_told_in_a_line(arguments, code_and_words, tmp_path, run_cli, capsys):
    keep(tmp_path, MadeUpRun())
    code, words = code_and_words
    assert run_cli("logs", *arguments, "--root", str(tmp_path)) == code
    told = capsys.readouterr().err
    assert words in told
    assert "Traceback" not in told


def test_a_log_group_that_nothing_was_ever_written_to_is_an_empty_log(stack, run_cli, capsys):
    stack.start("run-1")
    assert run_cli("logs", "run-1", "--step", "PublishModel", "--stage", STAGE) == 1
    assert "has no log of PublishModel" in capsys.readouterr().err


def test_every_function_of_the_template_is_a_steps():
    import yaml

    class Template(yaml.SafeLoader):
        """Reads CloudFormation's short forms as they stand."""

    Template.add_multi_constructor("!", lambda loader, tag, node: None)
    resources = yaml.load((find_project() / "template.yaml").read_text("utf-8"), Template)["Resources"]  # noqa: S506
    functions = {name for name, made in resources.items() if made["Type"] == "AWS::Serverless::Function"}
    steps = ("PrepareRun", "StartInstance", "CheckInstance", "StartTraining", "CheckTraining", "ArchiveArtifacts")
    steps += (
        "StopInstance",
        "AssessModel",
        "PublishModel",
        "CompleteRun",
        "RecordFailure",
        "ReapRun",
        "SweepInstances",
    )
    assert {f"{step}Function" for step in steps} == functions
    names = {function_of(step, find_project()) for step in steps}
    assert len(names) == len(functions)


def test_a_rehearsal_whose_process_is_gone_is_unfinished_and_its_port_may_be_anybodys(tmp_path, run_cli, capsys):
    kept = keep(tmp_path, MadeUpRun(status="failed", is_measured=False))
    (kept.directory / "executions" / f"{kept.run_id}.json").unlink()
    note = RehearsalNote(
        endpoint_url="http://127.0.0.1:9", region="us-east-1", stack="fine-tune-slm", execution_input="{}"
    )
    note.write(kept)
    assert run_cli("status", "--watch", "--root", str(tmp_path)) == 1
    told = capsys.readouterr().err
    assert "was cut off before its end" in told
    assert "fine-tune-slm resume RUN" in told


def test_a_rehearsal_that_was_cut_off_before_a_checkpoint_is_not_told_to_resume(tmp_path, run_cli, capsys):
    (tmp_path / "runs" / "cut-off").mkdir(parents=True)
    assert run_cli("status", "cut-off", "--root", str(tmp_path)) == 1
    told = capsys.readouterr().err
    assert "begin again with: fine-tune-slm rehearse" in told
    assert "resume" not in told
    assert run_cli("resume", "cut-off", "--root", str(tmp_path)) == 2
