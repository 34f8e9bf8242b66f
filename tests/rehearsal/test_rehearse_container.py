"""`rehearse --engine podman`: the training runs in a container of the image that `make image` built."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console
from slm_core.records import Manifest

from fine_tune_slm.closing import RunResult
from fine_tune_slm.errors import EngineUnusableError
from fine_tune_slm.local_image import IMAGE, PLACE, container_engine
from fine_tune_slm.rehearsal import rehearse

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def project_with_image(tiny_project) -> Path:
    """The tiny checkout beside the image of this one."""
    try:
        container_engine("podman", PROJECT)
    except EngineUnusableError as error:
        pytest.skip(f"{error.message} (make image)")
    place = tiny_project / PLACE
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(PROJECT / PLACE)
    return tiny_project


@pytest.fixture(scope="module")
def result(project_with_image, request_of) -> RunResult:
    """One whole rehearsal in a container."""
    return rehearse(request_of(run_name="container", engine="podman"), Console(file=io.StringIO()))


def test_a_run_whose_training_is_a_container_ends_in_a_release(result):
    assert result.timeline.status == "SUCCEEDED", result.card
    assert result.record.hub_revision


def test_the_training_ran_on_the_images_own_python_and_as_its_user(result, local_root):
    manifest = Manifest.model_validate_json((result.archive / "manifest.json").read_bytes())
    assert manifest.provenance.image == IMAGE
    assert {path.stat().st_uid for path in (local_root / "volume-container" / "runs").rglob("adapter_model*")} == {
        10001
    }


def test_nothing_of_the_container_is_left(result, project_with_image):
    import os
    import subprocess

    engine = container_engine("podman", project_with_image)
    listed = [engine.path, "ps", "--all", "--quiet", "--filter", f"name={result.run.run_id}"]
    told = subprocess.run(listed, env=os.environ | engine.environment, capture_output=True, text=True, check=True)
    assert told.stdout == ""


def test_without_the_image_nothing_is_started(request_of, tmp_path, monkeypatch):
    stand_in = tmp_path / "podman"
    stand_in.write_text("#!/bin/sh\nexit 1\n")
    stand_in.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    root = tmp_path / "local"
    with pytest.raises(EngineUnusableError, match="no image"):
        rehearse(request_of(engine="podman", root=root), Console(file=io.StringIO()))
    assert not (root / "runs").exists()
