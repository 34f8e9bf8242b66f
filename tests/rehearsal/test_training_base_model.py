"""The base model comes from a gated repository once for a volume, and every way that it may not come has its name."""

from __future__ import annotations

import contextlib
import os
import time

import pytest
from huggingface_hub import constants
from slm_core.errors import BaseModelCorruptError, BaseModelMissingError, HubUnavailableError
from slm_core.layout import VolumePaths
from slm_core.records import BaseModelRef

from fine_tune_slm.localcloud.hub.server import LocalHub
from tests.rehearsal.training_world import run_spec
from training import base_model
from training.base_model import fetch_base_model
from training.durable import MARKER_NAME

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
REPO = "tiny/llama"


class Silence:
    """A heartbeat that only counts."""

    beats = 0

    def beat(self):
        self.beats += 1


@pytest.fixture
def hub(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    with contextlib.closing(LocalHub(tmp_path / "hub")) as running:
        yield running


@pytest.fixture
def spec(hub, tiny_model, monkeypatch):
    """A run whose base model lies in a gated repository, with a token that may read it."""
    revision = hub.add_model(REPO, tiny_model, gated=True)
    monkeypatch.setattr(base_model, "read_secret", lambda _secret_id: token)
    token = hub.create_token("read", None)
    spec = run_spec("run-1", "a" * 64)
    target = spec.hub.model_copy(update={"endpoint": hub.endpoint})
    return spec.model_copy(update={"hub": target, "base_model": BaseModelRef(repo_id=REPO, revision=revision)})


@pytest.fixture
def volume(tmp_path):
    return VolumePaths(tmp_path / "volume")


def test_the_model_is_downloaded_once_and_sealed_with_the_hashes_of_its_files(
    hub, spec, volume, tiny_model, monkeypatch
):
    heartbeat = Silence()
    directory, hashes = fetch_base_model(spec, volume, heartbeat)
    assert {path.name for path in directory.iterdir()} == {*hashes, MARKER_NAME}
    for name in hashes:
        assert (directory / name).read_bytes() == (tiny_model / name).read_bytes()
    assert heartbeat.beats > 0
    monkeypatch.setattr(base_model, "read_secret", lambda _secret_id: pytest.fail("the Hub was asked again"))
    assert fetch_base_model(spec, volume, heartbeat) == (directory, hashes)


def test_only_what_transformers_needs_is_downloaded(hub, spec, volume, tiny_model, tmp_path):
    fuller = tmp_path / "fuller"
    (fuller / "original").mkdir(parents=True)
    for path in tiny_model.iterdir():
        os.link(path, fuller / path.name)
    (fuller / "original" / "consolidated.00.safetensors").write_bytes(b"the same weights again")
    (fuller / "README.md").write_text("a card")
    revision = hub.add_model("tiny/fuller", fuller, gated=True)
    other = BaseModelRef(repo_id="tiny/fuller", revision=revision)
    _, hashes = fetch_base_model(spec.model_copy(update={"base_model": other}), volume, Silence())
    assert not {"README.md", "original/consolidated.00.safetensors"} & hashes.keys()


def test_a_download_that_broke_off_is_continued(spec, volume, tiny_model):
    target = volume.model(REPO, spec.base_model.revision)
    partial = target.with_name(f".{target.name}.partial")
    partial.mkdir(parents=True)
    (partial / "config.json").write_bytes(b"torn")
    (partial / "left-over").write_bytes(b"x")
    directory, _ = fetch_base_model(spec, volume, Silence())
    assert (directory / "config.json").read_bytes() == (tiny_model / "config.json").read_bytes()
    assert not (directory / "left-over").exists()


def test_a_refused_token_and_an_unknown_revision_are_a_missing_model(spec, volume, monkeypatch):
    unknown = spec.model_copy(update={"base_model": BaseModelRef(repo_id=REPO, revision="0" * 40)})
    with pytest.raises(BaseModelMissingError):
        fetch_base_model(unknown, volume, Silence())
    monkeypatch.setattr(base_model, "read_secret", lambda _secret_id: "hf_unknown")
    with pytest.raises(BaseModelMissingError) as caught:
        fetch_base_model(spec, volume, Silence())
    assert "hf_unknown" not in str(caught.value)


def test_a_hub_that_does_not_answer_is_another_error_than_a_refusal(spec, volume, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)  # the client waits between its attempts
    nowhere = spec.hub.model_copy(update={"endpoint": "http://127.0.0.1:9"})
    with pytest.raises(HubUnavailableError):
        fetch_base_model(spec.model_copy(update={"hub": nowhere}), volume, Silence())


def damage(directory):
    with (directory / "model.safetensors").open("r+b") as stream:
        stream.seek(500)
        stream.write(b"\0\0\0\0")


def test_a_model_that_was_damaged_in_the_cache_is_downloaded_again(spec, volume, tiny_model):
    directory, hashes = fetch_base_model(spec, volume, Silence())
    damage(directory)
    assert fetch_base_model(spec, volume, Silence()) == (directory, hashes)
    assert (directory / "model.safetensors").read_bytes() == (tiny_model / "model.safetensors").read_bytes()


def test_a_download_that_is_damaged_as_well_is_an_error_and_is_not_kept(spec, volume, monkeypatch):
    directory, _ = fetch_base_model(spec, volume, Silence())
    damage(directory)
    download = base_model.snapshot_download

    def download_damaged(*arguments, local_dir, **named):
        download(*arguments, local_dir=local_dir, **named)
        damage(local_dir)

    monkeypatch.setattr(base_model, "snapshot_download", download_damaged)
    with pytest.raises(BaseModelCorruptError, match=r"model\.safetensors"):
        fetch_base_model(spec, volume, Silence())
    assert not directory.exists()
