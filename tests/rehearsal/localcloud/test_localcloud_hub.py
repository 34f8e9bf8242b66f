# ruff: noqa: S310  (the only URLs here are those of a server that the test itself has started)
"""The local Hub as huggingface_hub meets it: uploads, conflicts, tokens, gates, downloads and restarts."""

from __future__ import annotations

import contextlib
import json
import urllib.error
import urllib.request
from pathlib import Path

import huggingface_hub as hub_client
import pytest
from huggingface_hub import constants, errors
from huggingface_hub.utils import sha

from fine_tune_slm.localcloud.hub.server import LocalHub

# huggingface_hub 2.4 itself calls its HTTP client in the way that the client warns about.
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@pytest.fixture(autouse=True)
def without_xet(monkeypatch):
    """The local Hub speaks LFS only."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)


@pytest.fixture
def hub(tmp_path):
    """A running Hub."""
    with contextlib.closing(LocalHub(tmp_path / "hub")) as running:
        yield running


def api_of(hub, role="write", repositories=None):
    return hub_client.HfApi(endpoint=hub.endpoint, token=hub.create_token(role, repositories))


def additions(files):
    return [hub_client.CommitOperationAdd(path, content) for path, content in files.items()]


FILES = {
    "adapter_model.safetensors": bytes(range(256)) * 4096,
    "adapter_config.json": b'{"r": 16}',
    "README.md": b"---\nlicense: mit\n---\n# A card\n",
    "figures/loss.png": b"\x89PNG\0\0",
}


def upload(api, repo_id="local/adapter", **more):
    api.create_repo(repo_id, private=True, exist_ok=True)
    return api.create_commit(repo_id, additions(FILES), commit_message="publish", **more)


def test_an_upload_is_one_commit_and_comes_back_byte_for_byte(hub, tmp_path):
    api = api_of(hub)
    commit = upload(api)
    directory = api.snapshot_download("local/adapter", local_dir=tmp_path / "down", revision=commit.oid)
    assert directory == str(tmp_path / "down")
    assert {name: (tmp_path / "down" / name).read_bytes() for name in FILES} == FILES
    assert hub.head("local/adapter") == commit.oid == api.model_info("local/adapter").sha


def test_files_are_described_with_their_hashes(hub):
    api = api_of(hub)
    upload(api)
    tree = {entry.path: entry for entry in api.list_repo_tree("local/adapter", recursive=True)}
    info = {s.rfilename: s for s in api.model_info("local/adapter", files_metadata=True).siblings}
    weights, config = tree["adapter_model.safetensors"], tree["adapter_config.json"]
    assert weights.lfs.sha256 == info["adapter_model.safetensors"].lfs.sha256
    assert weights.size == len(FILES["adapter_model.safetensors"])
    assert config.lfs is None
    assert config.blob_id == sha.git_hash(FILES["adapter_config.json"])
    assert [entry.path for entry in api.get_paths_info("local/adapter", ["README.md", "missing"])] == ["README.md"]
    assert "figures" in tree


def test_the_same_content_again_makes_no_commit(hub):
    api = api_of(hub)
    assert upload(api).oid == upload(api).oid
    assert len(api.list_repo_commits("local/adapter")) == 2


def test_a_commit_on_an_outdated_parent_is_refused(hub):
    api = api_of(hub)
    api.create_repo("local/adapter")
    parent = hub.head("local/adapter")
    api.create_commit("local/adapter", additions({"a.txt": b"a"}), commit_message="one", parent_commit=parent)
    with pytest.raises(errors.HfHubHTTPError) as refused:
        api.create_commit("local/adapter", additions({"b.txt": b"b"}), commit_message="two", parent_commit=parent)
    assert refused.value.response.status_code == 412


def test_a_content_that_is_not_what_was_announced_is_refused(hub):
    api = api_of(hub)
    api.create_repo("local/adapter")
    batch = json.dumps({"objects": [{"oid": "0" * 64, "size": 3}]}).encode()
    headers = {"Authorization": f"Bearer {api.token}", "Content-Type": "application/json"}
    request = urllib.request.Request(f"{hub.endpoint}/local/adapter.git/info/lfs/objects/batch", batch, headers)
    with urllib.request.urlopen(request) as answer:
        action = json.load(answer)["objects"][0]["actions"]["upload"]
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(action["href"], b"abc", method="PUT"))
    with refused.value:
        assert refused.value.code == 400
    assert not hub.store.blob("0" * 64).exists()


def test_branches_and_tags_name_commits(hub):
    api = api_of(hub)
    api.create_repo("local/adapter")
    api.create_branch("local/adapter", branch="run/1")
    commit = upload(api, revision="run/1")
    api.create_tag("local/adapter", tag="v1", revision="run/1")
    refs = api.list_repo_refs("local/adapter")
    assert {branch.name: branch.target_commit for branch in refs.branches}["run/1"] == commit.oid
    assert [tag.target_commit for tag in refs.tags] == [commit.oid]
    assert api.model_info("local/adapter").siblings == []
    assert len(api.model_info("local/adapter", revision="v1").siblings) == len(FILES)
    with pytest.raises(errors.HfHubHTTPError, match="409"):
        api.create_tag("local/adapter", tag="v1")
    api.delete_branch("local/adapter", branch="run/1")
    with pytest.raises(errors.RevisionNotFoundError):
        api.model_info("local/adapter", revision="run/1")


def test_files_and_folders_can_be_deleted(hub):
    api = api_of(hub)
    upload(api)
    operations = [hub_client.CommitOperationDelete("README.md"), hub_client.CommitOperationDelete("figures/")]
    api.create_commit("local/adapter", operations, commit_message="delete")
    assert api.list_repo_files("local/adapter") == ["adapter_config.json", "adapter_model.safetensors"]


def test_a_read_token_reads_and_does_not_write(hub):
    upload(api_of(hub))
    reader = api_of(hub, "read")
    assert reader.whoami()["auth"]["accessToken"]["role"] == "read"
    assert reader.model_info("local/adapter").private is True
    with pytest.raises(errors.HfHubHTTPError) as refused:
        reader.create_commit("local/adapter", additions({"a.txt": b"a"}), commit_message="no")
    assert refused.value.response.status_code == 403


def test_a_private_repository_is_hidden_from_strangers(hub):
    upload(api_of(hub))
    for stranger in (api_of(hub, repositories=["local/other"]), hub_client.HfApi(endpoint=hub.endpoint, token=False)):
        with pytest.raises(errors.RepositoryNotFoundError):
            stranger.model_info("local/adapter")
        with pytest.raises(errors.RepositoryNotFoundError):
            stranger.model_info("local/missing")


def test_a_token_that_was_never_given_out_is_refused(hub):
    upload(api_of(hub))
    with pytest.raises(errors.HfHubHTTPError) as refused:
        hub_client.HfApi(endpoint=hub.endpoint, token="hf_wrong").whoami()
    assert refused.value.response.status_code == 401


@pytest.fixture
def model(tmp_path):
    """A model's directory."""
    directory = tmp_path / "model"
    directory.mkdir()
    (directory / "config.json").write_text('{"model_type": "llama"}')
    (directory / "model.safetensors").write_bytes(b"weights" * 1000)
    return directory


def test_a_gated_model_shows_itself_and_gives_its_files_to_those_with_access(hub, model, tmp_path):
    revision = hub.add_model("base/model", model, gated=True)
    anyone = hub_client.HfApi(endpoint=hub.endpoint, token=False)
    assert anyone.model_info("base/model").gated == "manual"
    for stranger in (anyone, api_of(hub, "read", repositories=["other/model"])):
        with pytest.raises(errors.GatedRepoError):
            stranger.hf_hub_download("base/model", "config.json", local_dir=tmp_path / "no")
        with pytest.raises(errors.GatedRepoError):
            stranger.auth_check("base/model")
    file = api_of(hub, "read").hf_hub_download(
        "base/model", "config.json", revision=revision, local_dir=tmp_path / "yes"
    )
    assert Path(file).read_text() == (model / "config.json").read_text()
    assert hub.store.blob(hub.store.resolve("base/model", "main").files["model.safetensors"].sha256).samefile(
        model / "model.safetensors"
    )


def test_equal_content_has_an_equal_revision_everywhere(hub, model, tmp_path):
    first = hub.add_model("base/model", model)
    with contextlib.closing(LocalHub(tmp_path / "other")) as other:
        assert other.add_model("base/model", model) == first == hub.add_model("base/model", model)
        (model / "config.json").write_text("{}")
        assert other.add_model("base/model", model) != first
    assert len(first) == 40


def test_a_range_of_a_file_is_served(hub, model):
    hub.add_model("base/model", model, gated=False)
    url = f"{hub.endpoint}/base/model/resolve/main/model.safetensors"
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Range": "bytes=7-13"})) as answer:
        assert (answer.status, answer.read()) == (206, b"weights")
        assert answer.headers["Content-Range"] == "bytes 7-13/7000"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(url, headers={"Range": "bytes=7000-"}))
    with refused.value:
        assert refused.value.code == 416


def test_a_missing_file_is_a_missing_entry_and_not_a_missing_repository(hub, model):
    hub.add_model("base/model", model, gated=False)
    api = hub_client.HfApi(endpoint=hub.endpoint, token=False)
    assert api.file_exists("base/model", "nothing.txt") is False
    assert api.file_exists("base/model", "config.json") is True


def test_what_was_published_is_there_after_a_restart(hub, tmp_path):
    commit = upload(api_of(hub))
    with contextlib.closing(LocalHub(tmp_path / "hub")) as again:
        reader = api_of(again, "read")
        assert reader.model_info("local/adapter").sha == commit.oid
        file = reader.hf_hub_download("local/adapter", "adapter_model.safetensors", local_dir=tmp_path / "down")
        assert Path(file).read_bytes() == FILES["adapter_model.safetensors"]
