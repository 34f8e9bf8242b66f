from __future__ import annotations

import pytest

from fine_tune_slm.errors import ArchiveDamagedError, ExtractionFailedError, ModelMissingError, RunUnknownError
from fine_tune_slm.extract import extract
from fine_tune_slm.kept_runs import KeptRuns

EXTRACTOR = """
import pathlib, sys
assert sys.argv[1] == "extract" and sys.argv[2] == "--model" and sys.argv[4] == "--adapter" and sys.argv[6] == "-"
assert (pathlib.Path(sys.argv[5]) / "adapter_model.safetensors").is_file()
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
    assert extract(run, "résumé", tmp_path, project) == '{"stage":"résumé"}'


def test_a_failed_extraction_is_told_with_its_exit_code(run, tmp_path, project):
    with pytest.raises(ExtractionFailedError, match="exit code 3"):
        extract(run, "refuse", tmp_path, project)


def test_a_damaged_archive_is_never_loaded(run, tmp_path, project):
    (run.archive() / "adapter_model.safetensors").write_bytes(b"other")
    with pytest.raises(ArchiveDamagedError):
        extract(run, "note", tmp_path, project)


def test_without_base_model_or_archive_the_way_to_get_one_is_told(run, tmp_path, project):
    with pytest.raises(ModelMissingError, match="rehearse build"):
        extract(run, "note", tmp_path / "absent", project)
    with pytest.raises(RunUnknownError, match="made no archive"):
        extract(KeptRuns(tmp_path).run("other"), "note", tmp_path, project)
