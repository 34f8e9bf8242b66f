"""The command line answers at once and refuses what it cannot do."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from slm_core.errors import ConfigInvalidError

from training.cli import main
from training.launch import run_id_of

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("command", ["train", "evaluate", "extract", "build-local-model"])
def test_every_command_has_help(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert command in capsys.readouterr().out


def test_a_bad_file_of_notes_ends_with_code_2_before_a_model_is_loaded(tmp_path):
    (tmp_path / "notes.jsonl").write_text("no JSON\n")
    assert main(["extract", "--model", str(tmp_path / "nowhere"), str(tmp_path / "notes.jsonl")]) == 2


def test_help_does_not_import_torch():
    lines = ("import sys", "from training.cli import main", "try: main(['--help'])")
    code = "\n".join((*lines, "except SystemExit: print('torch' in sys.modules)"))
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.splitlines()[-1] == "False"


@pytest.mark.parametrize("arguments", [[], ["train"], ["train", "--fence", "x"], ["nonsense"]])
def test_a_wrong_command_line_ends_with_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2


@pytest.mark.parametrize(
    "uri", ["", "run.json", "s3://bucket/run.json", "s3://bucket/runs/../run.json", "s3://bucket/runs/a b/run.json"]
)
def test_a_uri_that_names_no_run_is_refused(uri):
    with pytest.raises(ConfigInvalidError):
        run_id_of(uri)


def test_the_run_id_stands_in_the_uri():
    assert run_id_of("s3://bucket/runs/rehearsal-1/run.json") == "rehearsal-1"


def test_an_unreadable_run_is_told_in_the_outcome_and_the_exit_code(tmp_path, monkeypatch, capsys):
    def fail(_uri):
        raise ConfigInvalidError("run.json is invalid")

    monkeypatch.setattr("training.launch.read_run_spec", fail)
    monkeypatch.setattr("training.launch.Interruption.listen", lambda _self: None)
    monkeypatch.delenv("FINE_TUNE_SLM_PROCESSES", raising=False)
    monkeypatch.setattr("training.allocator.keep_freed_memory", lambda: None)
    arguments = ["--run-uri", "s3://bucket/runs/run-1/run.json", "--fence", "4", "--work-dir", str(tmp_path)]
    assert main(["train", *arguments]) == 2
    outcome = json.loads((tmp_path / "runs" / "run-1" / "outcome.json").read_text())
    assert (outcome["status"], outcome["error"], outcome["fence"]) == ("failed", "ConfigInvalidError", 4)
