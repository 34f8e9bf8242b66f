"""Publication: main is the old or the complete new release, over the Hub's own HTTP interface."""

import contextlib
import importlib
import tempfile

import pytest
from pydantic import SecretStr
from slm_core.artifacts import archive
from slm_core.errors import ArtifactCorruptError, HubTokenRefusedError, HubUnavailableError, PublishFailedError
from slm_core.publication import HubRepository, publish, tag

from fine_tune_slm.localcloud.hub.server import LocalHub
from tests.unit.emulated_account import _instance_id, account

__all__ = ["_instance_id", "account"]

# huggingface_hub's own: it uploads LFS files in a way that its HTTP client no longer likes
pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")
REPO = "local/adapter"
CARD = b"---\nlicense: apache-2.0\n---\n# An adapter\n"
FILES = {"README.md": CARD, "adapter_model.safetensors": bytes(range(256)) * 100}


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """A local Hub, and huggingface_hub as the template's environment makes it there: LFS only."""
    constants = importlib.import_module("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    with contextlib.closing(LocalHub(tmp_path)) as hub:
        yield hub


@pytest.fixture
def archived(account):
    """An account with an archive."""
    account.prepare()
    account.stage(FILES)
    archive(account.store, account.keys)
    return account


def _publish(account, hub, note=str, **changes):
    token = SecretStr(hub.create_token("write"))
    target = {"endpoint": hub.endpoint, "repo_id": REPO, "token": token, "is_private": True}
    repository = HubRepository(**(target | changes))
    publication = publish(account.store, account.keys, repository, note)
    tag(repository, publication, account.keys.run_id)
    return publication


def _main(hub):
    return hub.store.resolve(REPO, "main").files


def test_main_becomes_equal_to_the_archive(archived, hub):
    published = _publish(archived, hub)
    assert published.revision == hub.head(REPO)
    assert set(_main(hub)) - {".gitattributes"} == {*FILES, "manifest.json"}
    assert hub.store.resolve(REPO, archived.keys.run_id).oid == published.revision


def test_publishing_again_makes_no_commit(archived, hub):
    assert _publish(archived, hub) == _publish(archived, hub)


def _archive_anew(account, files):
    """Put another archive in the place of the last, as another run would have."""
    account.store.delete(account.keys.archive_manifest)
    account.stage(files)
    archive(account.store, account.keys)


def test_a_file_of_the_last_release_that_is_not_in_this_one_goes(archived, hub):
    _publish(archived, hub)
    _archive_anew(archived, {"README.md": CARD})
    _publish(archived, hub)
    assert set(_main(hub)) - {".gitattributes"} == {"README.md", "manifest.json"}


def test_an_archive_that_differs_from_its_manifest_is_not_published(archived, hub):
    archived.store.put(f"{archived.keys.archive}README.md", b"tampered")
    with pytest.raises(ArtifactCorruptError, match=r"README\.md"):
        _publish(archived, hub)
    assert not hub.store.exists(REPO)


def test_a_token_that_may_only_read_is_refused(archived, hub):
    with pytest.raises(HubTokenRefusedError, match=REPO):
        _publish(archived, hub, token=SecretStr(hub.create_token("read")))


def test_a_hub_that_does_not_answer_can_be_tried_again(archived, hub):
    with pytest.raises(HubUnavailableError):
        _publish(archived, hub, endpoint="http://127.0.0.1:1")


def test_a_commit_beside_ours_is_not_overwritten(archived, hub, monkeypatch):
    from huggingface_hub import CommitOperationAdd, HfApi

    first = _publish(archived, hub)
    _archive_anew(archived, FILES | {"README.md": CARD + b"Better.\n"})
    create_commit = HfApi.create_commit

    def overtaken(self, *arguments, **named):
        theirs = [CommitOperationAdd("theirs.txt", b"theirs")]
        create_commit(self, REPO, theirs, commit_message="theirs", revision="main")
        return create_commit(self, *arguments, **named)

    monkeypatch.setattr(HfApi, "create_commit", overtaken)
    with pytest.raises(PublishFailedError, match="412"):
        _publish(archived, hub)
    assert "theirs.txt" in _main(hub)
    assert hub.head(REPO) != first.revision


def test_a_commit_whose_answer_is_lost_is_found_by_the_retry_and_not_made_twice(archived, hub, monkeypatch):
    import httpx2
    from huggingface_hub import HfApi

    create_commit = HfApi.create_commit

    def unheard(self, *arguments, **named):
        create_commit(self, *arguments, **named)
        raise httpx2.ReadTimeout("x")

    with monkeypatch.context() as losing:
        losing.setattr(HfApi, "create_commit", unheard)
        with pytest.raises(HubUnavailableError):
            _publish(archived, hub)
    head = hub.head(REPO)
    assert set(_main(hub)) - {".gitattributes"} == {*FILES, "manifest.json"}
    assert _publish(archived, hub).revision == head == hub.head(REPO)
    assert hub.store.resolve(REPO, archived.keys.run_id).oid == head


def test_a_commit_that_cannot_be_read_again_is_noted_and_the_error_says_that_main_has_moved(archived, hub, monkeypatch):
    import httpx2
    from huggingface_hub import HfApi

    noted, list_repo_tree = [], HfApi.list_repo_tree

    def hidden(self, repo_id, *, revision, **named):
        if noted:
            request = httpx2.Request("GET", hub.endpoint)
            raise httpx2.HTTPStatusError("x", request=request, response=httpx2.Response(404, request=request))
        return list_repo_tree(self, repo_id, revision=revision, **named)

    monkeypatch.setattr(HfApi, "list_repo_tree", hidden)
    with pytest.raises(PublishFailedError, match=f"has moved to {'.' * 40}.*404"):
        _publish(archived, hub, noted.append)
    assert [publication.revision for publication in noted] == [hub.head(REPO)]


def test_what_a_killed_attempt_of_this_run_left_on_the_disk_is_cleared_away(archived, hub, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "disk"))
    left_behind = tmp_path / "disk" / f"release-{archived.keys.run_id}-abc"
    another = tmp_path / "disk" / "release-run-2-abc"
    for directory in (left_behind, another):
        directory.mkdir(parents=True)
        (directory / "adapter_model.safetensors").write_bytes(b"weights")
    _publish(archived, hub)
    assert list((tmp_path / "disk").iterdir()) == [another]


@pytest.mark.parametrize(
    ("status", "error"), [(500, HubUnavailableError), (429, HubUnavailableError), (403, HubTokenRefusedError)]
)
def test_an_upload_that_the_hub_does_not_take_leaves_main_as_it_was(archived, hub, monkeypatch, status, error):
    import httpx2
    from huggingface_hub import _commit_api

    def refused(**_):
        request = httpx2.Request("PUT", hub.endpoint)
        raise httpx2.HTTPStatusError("x", request=request, response=httpx2.Response(status, request=request))

    monkeypatch.setattr(_commit_api, "lfs_upload", refused)
    with pytest.raises(error, match=str(status)):
        _publish(archived, hub)
    assert set(_main(hub)) <= {".gitattributes"}
