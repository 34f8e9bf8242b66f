"""The command line from outside: exit codes, one-line errors, and what goes to which stream."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import IO

import pytest
from slm_core.errors import AwsUnavailableError, TrainingFailedError

from fine_tune_slm import cli
from fine_tune_slm.kept_runs import KeptRuns
from scripts.cli_page import NAME, commands
from tests.made_up_runs import MadeUpRun, keep


def run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """Return the exit code of a command line."""
    monkeypatch.setattr(sys, "argv", ["fine-tune-slm", *arguments])
    try:
        cli.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


HEAVY = {"torch", "transformers", "peft", "datasets", "moto", "huggingface_hub", "starlette", "uvicorn"}
NOT_FOR_HELP = HEAVY | {"boto3", "botocore", "jinja2", "yaml", "slm_core.records"}
LOADED = """
import sys
from fine_tune_slm import cli
for line in sys.argv[1].splitlines():
    sys.argv = ["fine-tune-slm", *line.split()]
    try:
        cli.main()
    except SystemExit as ended:
        assert not ended.code, line
print(*sys.modules, file=sys.stderr)
"""


def loaded_after(*lines: str) -> set[str]:
    """Return the modules that are loaded in a process once it has run these command lines."""
    command = [sys.executable, "-c", LOADED, "\n".join(lines)]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return set(ended.stderr.splitlines()[-1].split())


def test_help_of_no_command_loads_what_only_its_work_needs():
    lines = ["--help", *(f"{path.removeprefix(f'{NAME} ')} --help" for path, _ in commands())]
    assert len(lines) > 20
    assert loaded_after(*lines) & NOT_FOR_HELP == set()


def test_looking_at_what_is_on_this_machine_loads_no_model_no_server_and_no_emulated_aws(tmp_path):
    KeptRuns(tmp_path).mark_latest(keep(tmp_path, MadeUpRun(run_id="run-a", notes=8)))
    keep(tmp_path, MadeUpRun(run_id="run-b", notes=8))
    verbs = ["runs --state succeeded", "status latest", "compare run-a run-b", "report run-a"]
    assert loaded_after(*(f"{verb} --root {tmp_path}" for verb in verbs)) & HEAVY == set()


@pytest.mark.parametrize(
    ("command", "begins"),
    [
        ("dataset check {0}/train.jsonl", "Checking {0}/train.jsonl"),
        ("dataset sample --count 1 --seed 3", "Generating notes from seed 3"),
        ("score --gold {0}/train.jsonl --predictions {0}/validation.jsonl", "Scoring {0}/validation.jsonl against"),
    ],
)
def test_what_takes_a_while_says_so_before_it_loads_anything_for_it(command, begins, dataset):
    words = command.format(dataset).split()
    line = [sys.executable, "-X", "importtime", "-m", "fine_tune_slm.cli", *words]
    told = subprocess.run(line, capture_output=True, text=True, check=False, timeout=60).stderr.splitlines()
    first = next(place for place, text in enumerate(told) if text.startswith(begins.format(dataset)))
    of_its_work = [place for place, text in enumerate(told) if re.search(r"\| +(casebook|extraction)\b", text)]
    assert first < min(of_its_work)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["rehearse"],
        ["extract"],
        ["serve"],
        ["runs"],
        ["status"],
        ["logs"],
        ["report"],
        ["rollback"],
        ["doctor"],
        ["dataset", "publish"],
        ["params", "init"],
        ["params", "check"],
        ["params", "set"],
        ["params", "stages"],
    ],
)
def test_every_verb_has_help_with_an_example(arguments, monkeypatch, capsys):
    assert run([*arguments, "--help"], monkeypatch) == 0
    if arguments:
        assert "Example: fine-tune-slm" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["rehearse", "--input", "{"],
        ["rehearse", "--wait-scale", "-1"],
        ["extract", "--root", "/nonexistent", "-"],
        ["serve", "--root", "/nonexistent"],
        ["serve", "--port", "65536"],
        ["status", "no-such-run", "--root", "/nonexistent"],
        ["report", "no-such-run", "--root", "/nonexistent"],
        ["dataset", "check", "/nonexistent"],
        ["params", "init", "--set", "instance.id=x"],
        ["params", "init", "--parameter-root", "no-slash"],
        ["doctor", "--local", "--before-deploy"],
        ["params", "set", "instance.id", "i-0123456789abcdef0"],
    ],
)
def test_a_mistake_of_the_user_exits_2_with_no_traceback(arguments, monkeypatch, capsys):
    assert run(arguments, monkeypatch) == 2
    captured = capsys.readouterr()
    assert captured.err.strip()
    assert "Traceback" not in captured.err


@pytest.mark.parametrize(
    "case",
    [
        (["dataset", "check"], "fine_tune_slm.dataset_review.review", "ended dataset check: nothing of it goes on."),
        (["extract", "-"], "fine_tune_slm.kept_runs.KeptRuns.find_model", "ended extract: nothing of it goes on."),
        (
            ["rehearse"],
            "fine_tune_slm.local_model.subprocess.run",
            "was started: nothing of it goes on, and nothing is",
        ),
    ],
    ids=lambda case: case[0][0],
)
def test_ctrl_c_says_in_one_line_what_it_ended(case, tmp_path, monkeypatch, capsys):
    arguments, interrupted, told = case

    def interrupt(*_given: object, **_named: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(interrupted, interrupt)
    place = [] if arguments[0] == "dataset" else ["--root"]
    assert run([*arguments, *place, str(tmp_path)], monkeypatch) == 130
    [line] = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("Checking ")]
    assert told in line
    assert list(tmp_path.iterdir()) == []


def test_an_error_is_one_line_with_its_remedy(monkeypatch, capsys, tmp_path):
    assert run(["status", "--root", str(tmp_path)], monkeypatch) == 2
    assert capsys.readouterr().err == (
        "fine-tune-slm: No run is kept on this machine yet. See the runs of this machine with: fine-tune-slm runs; "
        "make one with: fine-tune-slm rehearse\n"
    )


@pytest.mark.parametrize("command", ["runs", "runs --json", "status latest --json", "report latest", "--help"])
def test_an_output_that_takes_nothing_is_one_line(command, tmp_path):
    KeptRuns(tmp_path).mark_latest(keep(tmp_path, MadeUpRun(notes=8)))
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        ended = ended_with_output_to(full, command, tmp_path)
    assert ended.returncode == 1
    assert ended.stderr == (
        "fine-tune-slm: The output cannot be used: No space left on device. "
        "See what it permits and what space is left there: df -h\n"
    )


@pytest.mark.parametrize("command", ["runs", "runs --json", "status latest"])
def test_a_reader_that_has_gone_is_no_error_to_tell(command, tmp_path):
    KeptRuns(tmp_path).mark_latest(keep(tmp_path, MadeUpRun(notes=8)))
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as gone:
        ended = ended_with_output_to(gone, command, tmp_path)
    assert (ended.returncode, ended.stderr) == (1, "")


def test_a_file_that_the_system_refuses_is_named(tmp_path, monkeypatch, capfd):
    no_file = tmp_path / "runs" / "a-run" / "s3" / "bucket" / "runs" / "a-run" / "record.json"
    no_file.mkdir(parents=True)
    assert run(["runs", "--root", str(tmp_path)], monkeypatch) == 1
    assert capfd.readouterr().err.startswith(f"fine-tune-slm: {no_file} cannot be used: Is a directory.")


def ended_with_output_to(stream: IO[str], command: str, root: Path) -> subprocess.CompletedProcess[str]:
    options = [] if "--help" in command else ["--root", str(root)]
    line = [sys.executable, "-m", "fine_tune_slm.cli", *command.split(), *options]
    return subprocess.run(line, stdout=stream, stderr=subprocess.PIPE, text=True, check=False, timeout=60)


@pytest.mark.parametrize("status", ["succeeded", "failed", "rejected"])
def test_how_a_run_ended_has_one_spelling_in_every_document(status, tmp_path, monkeypatch, capsys):
    keep(tmp_path, MadeUpRun(run_id="run-a", notes=8, status=status))
    spelled = []
    for command in ("runs", "status run-a"):
        assert run([*command.split(), "--json", "--root", str(tmp_path)], monkeypatch) == 0
        document = json.loads(capsys.readouterr().out)
        spelled.append((document[0] if command == "runs" else document)["status"])
    assert spelled == [status, status]


def test_exit_codes_of_the_training_process_become_plain_failures():
    assert cli.exit_code(TrainingFailedError("x")) == 1
    assert cli.exit_code(AwsUnavailableError("x")) == 75


def test_dataset_check_prints_each_problem_and_exits_2(dataset, monkeypatch, capsys):
    (dataset / "train.jsonl").write_text('{"input": "Jane Roe"', encoding="utf-8")
    assert run(["dataset", "check", str(dataset)], monkeypatch) == 2
    captured = capsys.readouterr()
    assert "train.jsonl:1: the last line is cut off: no valid JSON" in captured.out
    assert "Jane" not in captured.out + captured.err


def test_dataset_check_of_a_sound_dataset_exits_0(dataset, monkeypatch, capsys):
    assert run(["dataset", "check", str(dataset)], monkeypatch) == 0
    assert capsys.readouterr().out.endswith("No problem found.\n")


def test_dataset_publish_puts_the_dataset_where_the_next_run_looks(dataset, account, monkeypatch, capsys):
    account.client("s3").create_bucket(Bucket="fine-tune-slm-test")
    name = "/fine-tune-slm/prod/storage/bucket"
    account.client("ssm").put_parameter(Name=name, Value="fine-tune-slm-test", Type="String")
    assert run(["dataset", "publish", str(dataset), "--region", "us-east-1"], monkeypatch) == 0
    assert "Published to s3://fine-tune-slm-test/datasets/" in capsys.readouterr().out


def test_params_list_names_owner_and_value(account, monkeypatch, capsys):
    account.client("ssm").put_parameter(Name="/fine-tune-slm/prod/hub/publish_repo", Value="group/model", Type="String")
    assert run(["params", "list"], monkeypatch) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "/fine-tune-slm/prod/hub/publish_repo  owner init  group/model" in lines
    assert "/fine-tune-slm/prod/instance/id  owner stack  (absent)" in lines
    assert "/fine-tune-slm/prod/instance/allowed_types  owner init  (default) g6.2xlarge,g5.2xlarge" in lines


def test_a_refusal_of_aws_is_one_line(account, monkeypatch, capsys, dataset):
    account.client("ssm").put_parameter(Name="/fine-tune-slm/prod/storage/bucket", Value="absent-bucket", Type="String")
    assert run(["dataset", "publish", str(dataset)], monkeypatch) == 1
    assert capsys.readouterr().err.startswith("fine-tune-slm: AWS refused PutObject with NoSuchBucket.")


def test_an_unknown_profile_is_one_line(account, monkeypatch, capsys):
    assert run(["params", "list", "--profile", "absent"], monkeypatch) == 2
    assert "absent" in capsys.readouterr().err


def test_status_of_a_run_that_was_cut_off_says_so(tmp_path, monkeypatch, capsys):
    (tmp_path / "runs" / "cut-off").mkdir(parents=True)
    assert run(["status", "--root", str(tmp_path)], monkeypatch) == 1
    assert "Run cut-off has not ended" in capsys.readouterr().err


def test_runs_are_listed_for_people_and_for_machines(tmp_path, record, monkeypatch, capsys):
    directory = tmp_path / "runs" / record.run_id / "s3" / "bucket" / "runs" / record.run_id
    directory.mkdir(parents=True)
    (directory / "record.json").write_text(record.model_dump_json(), encoding="utf-8")
    assert run(["runs", "--root", str(tmp_path)], monkeypatch) == 0
    told = capsys.readouterr().out
    assert f"{record.run_id}  succeeded" in told
    assert "0.62" in told
    assert run(["runs", "--root", str(tmp_path), "--json"], monkeypatch) == 0
    assert json.loads(capsys.readouterr().out)[0]["status"] == "succeeded"


def test_status_shows_the_card_of_a_failed_run(tmp_path, failed_record, failed_history, monkeypatch, capsys):
    directory = tmp_path / "runs" / failed_record.run_id
    objects = directory / "s3" / "bucket" / "runs" / failed_record.run_id
    objects.mkdir(parents=True)
    (objects / "record.json").write_text(failed_record.model_dump_json(), encoding="utf-8")
    (directory / "executions").mkdir()
    history = {"execution": {"status": "FAILED"}, "events": failed_history.events}
    kept = directory / "executions" / f"{failed_record.run_id}.json"
    kept.write_text(json.dumps(history, default=str), encoding="utf-8")
    assert run(["status", failed_record.run_id, "--root", str(tmp_path)], monkeypatch) == 0
    assert "TrainingOutOfMemoryError" in capsys.readouterr().out


def test_the_report_of_any_kept_run_is_made_again_where_it_was(tmp_path, monkeypatch, capsys):
    kept = keep(tmp_path, MadeUpRun())
    assert run(["report", kept.run_id, "--root", str(tmp_path)], monkeypatch) == 0
    assert capsys.readouterr().out == f"{kept.report}\n"
    assert "SUCCEEDED in" in kept.report.read_text(encoding="utf-8")


def test_a_report_goes_where_it_is_wanted_and_says_so_to_machines(tmp_path, monkeypatch, capsys):
    kept = keep(tmp_path, MadeUpRun())
    output = tmp_path / "page.html"
    assert run(["report", "--root", str(tmp_path), "--output", str(output), "--json"], monkeypatch) == 0
    assert json.loads(capsys.readouterr().out) == {"run_id": kept.run_id, "report": str(output)}
    assert output.is_file()
    assert not kept.report.exists()


def test_a_report_is_opened_in_the_browser_that_the_machine_names(tmp_path, monkeypatch, capsys):
    kept, opened = keep(tmp_path, MadeUpRun()), tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n', encoding="utf-8")
    browser.chmod(0o755)
    command = [sys.executable, "-m", "fine_tune_slm.cli", "report", kept.run_id, "--open", "--root", str(tmp_path)]
    subprocess.run(command, env=os.environ | {"BROWSER": f"{browser} %s"}, check=True, timeout=120)
    assert opened.read_text(encoding="utf-8").strip() == kept.report.as_uri()


def test_a_report_that_cannot_be_written_is_the_users_mistake(tmp_path, monkeypatch, capsys):
    keep(tmp_path, MadeUpRun())
    assert (
        run(["report", "--root", str(tmp_path), "--output", str(tmp_path / "absent" / "page.html")], monkeypatch) == 2
    )
    assert "cannot be written there: No such file or directory" in capsys.readouterr().err


def test_a_damaged_archive_has_no_report(tmp_path, monkeypatch, capsys):
    kept = keep(tmp_path, MadeUpRun())
    (kept.archive() / "history.jsonl").write_text("{}", encoding="utf-8")
    assert run(["report", "--root", str(tmp_path)], monkeypatch) == 1
    assert "history.jsonl" in capsys.readouterr().err


def test_the_report_of_a_run_that_was_cut_off_says_so(tmp_path, monkeypatch, capsys):
    (tmp_path / "runs" / "cut-off").mkdir(parents=True)
    assert run(["report", "cut-off", "--root", str(tmp_path)], monkeypatch) == 1
    assert "Run cut-off has not ended" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--input", '{"training": {"learning_rate": -1}}'], "training.learning_rate"),
        (["--input", "[]"], "must be a JSON object such as {}, not an array"),
        (["--input", '{"instance_types": ["p9.large"]}'], "p9.large"),
        (["--config", "nope.yml"], "--config nope.yml is no file of config/"),
        (["--dataset", "nope"], "--dataset nope is no directory"),
        (["--dataset", "config"], "train.jsonl: the file is missing"),
        (["--model", "nope"], "--model nope is no directory"),
        (["--model", "config"], "--model config holds no config.json, no tokenizer*.json, no *.safetensors"),
    ],
)
def test_a_rehearsal_that_cannot_work_is_refused_before_anything_is_deployed(
    arguments, named, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr("fine_tune_slm.rehearsal.rehearse", lambda *_: pytest.fail("it was rehearsed"))
    root = tmp_path / "local"
    assert run(["rehearse", *arguments, "--root", str(root)], monkeypatch) == 2
    assert named in capsys.readouterr().err
    assert not root.exists()


@pytest.mark.parametrize(("status", "code"), [("succeeded", 0), ("rejected", 1)])
def test_rehearse_ends_as_its_run_did(status, code, tmp_path, monkeypatch, capsys):
    from fine_tune_slm import rehearsal
    from fine_tune_slm.closing import ended_run

    kept = keep(tmp_path, MadeUpRun(status=status))
    monkeypatch.setattr(rehearsal, "rehearse", lambda _request, _console: ended_run(kept))
    assert run(["rehearse", "--root", str(tmp_path)], monkeypatch) == code
    shown = capsys.readouterr()
    assert ("SUCCEEDED in" in shown.out) == (code == 0)
    assert ("The failure card above says what happened" in shown.err) == (code == 1)
