from __future__ import annotations

import sys

import pytest

from fine_tune_slm import cli
from fine_tune_slm.errors import ArchiveDamagedError, ExtractionFailedError, ModelMissingError, RunUnknownError
from fine_tune_slm.extract import Extractor
from fine_tune_slm.kept_runs import KeptRuns

EXTRACTOR = """
import pathlib, sys
assert sys.argv[1] == "extract" and sys.argv[2] == "--model" and sys.argv[4] == "--adapter"
assert sys.argv[-1] == "-" or sys.argv[6:9] == ["--jsonl", "--unconstrained", "--"]
assert (pathlib.Path(sys.argv[5]) / "adapter_model.safetensors").is_file()
if "--" in sys.argv:
    print([pathlib.Path(name).is_absolute() for name in sys.argv[9:]], flush=True)
    sys.exit(141 if len(sys.argv) == 10 else 3 if len(sys.argv) == 11 else 0)
note = sys.stdin.buffer.read().decode("utf-8")
sys.exit(3) if "refuse" in note else print('{"stage":"' + note + '"}')
"""


@pytest.fixture
def project(tmp_path):
    """A checkout whose training package is a stand-in for the real one, which needs a model."""
    package = tmp_path / "project" / "training"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "__main__.py").write_text(EXTRACTOR, encoding="utf-8")
    return package.parent


@pytest.fixture
def run(tmp_path, make_archive):
    run = KeptRuns(tmp_path / ".local").run("r")
    make_archive(run.directory / "s3" / "bucket" / "models" / "r")
    return run


def test_the_extractors_line_is_the_answer(run, tmp_path, project):
    assert Extractor(run, tmp_path, project).answer("résumé") == '{"stage":"résumé"}'


def test_the_command_prints_the_record_of_a_note_and_ends_as_the_extraction_did(
    run, tmp_path, project, monkeypatch, capfd
):
    for name in ("template.yaml", "config/aws_config.yml"):
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).touch()
    (tmp_path / "note.txt").write_text("II", encoding="utf-8")
    monkeypatch.chdir(project)
    command = ["fine-tune-slm", "extract", "--run", "r", "--root", str(tmp_path / ".local"), "--model", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", [*command, str(tmp_path / "note.txt")])
    with pytest.raises(SystemExit, match="0"):
        cli.main()
    assert capfd.readouterr().out == '{"stage":"II"}\n'
    (tmp_path / "note.txt").write_text("refuse", encoding="utf-8")
    with pytest.raises(SystemExit, match="1"):
        cli.main()
    assert "exit code 3" in capfd.readouterr().err


def test_a_failed_extraction_is_told_with_its_exit_code(run, tmp_path, project):
    with pytest.raises(ExtractionFailedError, match="exit code 3"):
        Extractor(run, tmp_path, project).answer("refuse")


def test_a_damaged_archive_is_never_loaded(run, tmp_path, project):
    (run.archive() / "adapter_model.safetensors").write_bytes(b"other")
    with pytest.raises(ArchiveDamagedError):
        Extractor(run, tmp_path, project).answer("note")


def test_without_base_model_or_archive_the_way_to_get_one_is_told(run, tmp_path, project):
    with pytest.raises(ModelMissingError, match="rehearse build"):
        Extractor(run, tmp_path / "absent", project).answer("note")
    with pytest.raises(RunUnknownError, match="made no archive"):
        Extractor(KeptRuns(tmp_path).run("other"), tmp_path, project).answer("note")


@pytest.fixture
def extractor(run, tmp_path, project):
    return Extractor(run, tmp_path, project, ["--jsonl", "--unconstrained"])


def test_many_inputs_go_to_the_extractor_by_their_whole_paths_with_the_flags(extractor, capfd):
    assert extractor.stream(["one.jsonl", "-x.jsonl", "-"]) == 0
    assert capfd.readouterr().out == "[True, True, False]\n"


def test_a_closed_pipe_is_no_failure_and_everything_else_is(extractor):
    assert extractor.stream(["one.jsonl"]) == 141
    with pytest.raises(ExtractionFailedError, match="exit code 3"):
        extractor.stream(["one.jsonl", "two.jsonl"])


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["bad.jsonl"], "bad.jsonl at line 2"),
        (["fine.txt", "bad.jsonl"], "bad.jsonl at line 2"),
        (["fine.txt", "absent.txt"], "absent.txt cannot be read"),
        (["absent.txt"], "absent.txt cannot be read"),
        (["empty.jsonl"], "empty.jsonl: it is empty"),
    ],
)
def test_bad_input_is_one_line_with_its_name_before_a_run_or_a_model_is_looked_for(
    names, words, tmp_path, monkeypatch, capfd
):
    (tmp_path / "fine.txt").write_text("II", encoding="utf-8")
    (tmp_path / "bad.jsonl").write_text('"II"\nPRIVATE\n', encoding="utf-8")
    (tmp_path / "empty.jsonl").touch()
    command = [
        "fine-tune-slm",
        "extract",
        "--root",
        str(tmp_path / "absent"),
        *(str(tmp_path / name) for name in names),
    ]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit, match="2"):
        cli.main()
    told = capfd.readouterr()
    assert words in told.err
    assert told.err.count("\n") == 1
    assert "PRIVATE" not in told.out + told.err


def test_what_the_extractor_says_of_its_input_needs_no_second_line(run, tmp_path, project):
    (project / "training" / "__main__.py").write_text("import sys; sys.exit(2)", encoding="utf-8")
    assert Extractor(run, tmp_path, project).stream(["-"]) == 2
