"""Repositories on disk: commits, references, contents, and names that may not become paths."""

from __future__ import annotations

import hashlib
import io
from dataclasses import replace

import pytest

from fine_tune_slm.localcloud.hub.store import (
    Access,
    Change,
    CommitConflictError,
    InvalidNameError,
    RepositoryMissingError,
    RevisionMissingError,
    Store,
    lfs_file,
)

PUBLIC = Access(is_private=False, is_gated=False)


@pytest.fixture
def store(tmp_path):
    store = Store(tmp_path)
    store.create("a/b", PUBLIC)
    return store


def added(store, path, content, parent=None):
    stored = store.add_blob(io.BytesIO(content), len(content))
    return Change({path: replace(stored, path=path)}, frozenset(), frozenset(), parent)


def test_a_commit_adds_to_the_tree_and_moves_its_branch_alone(store):
    store.set_ref("a/b", "heads", "other", store.resolve("a/b", "main").oid)
    first = store.commit("a/b", "main", "one", added(store, "x/one.txt", b"1"))
    second = store.commit("a/b", "main", "two", added(store, "two.txt", b"2"))
    assert sorted(store.resolve("a/b", "main").files) == ["two.txt", "x/one.txt"]
    assert sorted(store.resolve("a/b", first).files) == ["x/one.txt"]
    assert store.resolve("a/b", second).parent == first
    assert store.resolve("a/b", "other").files == {}


def test_a_commit_on_an_old_parent_is_a_conflict(store):
    parent = store.resolve("a/b", "main").oid
    store.commit("a/b", "main", "one", added(store, "one.txt", b"1", parent))
    with pytest.raises(CommitConflictError):
        store.commit("a/b", "main", "two", added(store, "two.txt", b"2", parent))


def test_the_same_history_has_the_same_ids_everywhere(store, tmp_path):
    other = Store(tmp_path / "other")
    other.create("c/d", PUBLIC)
    ids = [where.commit(repo, "main", "t", added(where, "f", b"1")) for where, repo in ((store, "a/b"), (other, "c/d"))]
    assert ids[0] == ids[1]


def test_folders_are_deleted_whole_and_their_namesakes_stay(store):
    store.commit("a/b", "main", "t", added(store, "fig/one.png", b"1"))
    store.commit("a/b", "main", "t", added(store, "figures.txt", b"2"))
    store.commit("a/b", "main", "t", Change({}, frozenset(), frozenset({"fig/"}), None))
    assert list(store.resolve("a/b", "main").files) == ["figures.txt"]


def test_a_content_that_is_not_what_was_announced_leaves_nothing_behind(store, tmp_path):
    for size, sha256 in ((3, "0" * 64), (4, hashlib.sha256(b"abc").hexdigest())):
        assert store.add_blob(io.BytesIO(b"abc"), size, sha256) is None
    assert list((tmp_path / "blobs").iterdir()) == []


def test_a_git_id_is_gits(store):
    stored = store.add_blob(io.BytesIO(b"hello\n"), 6)
    assert stored.git_oid == "ce013625030ba8dba906f756967f9e9ca394464a"  # echo hello | git hash-object --stdin


def test_an_lfs_files_git_id_is_that_of_its_pointer():
    file = lfs_file("w", "4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393", 12345)
    assert file.git_oid == "60c8d8ab2adcf57a391163a7eeb0cdb8bf348e44"  # git hash-object of the pointer's three lines


def test_weights_are_linked_and_small_files_are_kept_as_they_are(store, tmp_path):
    (tmp_path / "w.safetensors").write_bytes(b"weights")
    (tmp_path / "config.json").write_bytes(b"{}")
    weights, config = store.link_blob(tmp_path / "w.safetensors"), store.link_blob(tmp_path / "config.json")
    assert store.blob(weights.sha256).samefile(tmp_path / "w.safetensors")
    assert (weights.is_lfs, config.is_lfs) == (True, False)


@pytest.mark.parametrize("name", ["../evil/x", "a", "a/b/c", "../..", "a/..", "/a/b", "a\\b/c\n"])
def test_a_repository_name_that_is_a_path_is_refused(store, name):
    with pytest.raises(InvalidNameError):
        store.create(name, PUBLIC)


@pytest.mark.parametrize("name", ["../main", "a/../../b", "/etc/passwd", "", "."])
def test_a_revision_that_is_a_path_is_missing(store, name):
    with pytest.raises(RevisionMissingError):
        store.resolve("a/b", name)


def test_a_content_id_that_is_a_path_is_refused(store):
    with pytest.raises(InvalidNameError):
        store.blob("../repository.json")


def test_what_is_missing_is_called_missing(store):
    with pytest.raises(RepositoryMissingError):
        store.resolve("no/body", "main")
    with pytest.raises(RevisionMissingError):
        store.resolve("a/b", "0" * 40)
    with pytest.raises(RevisionMissingError):
        store.commit("a/b", "nothing", "t", added(store, "f", b"1"))


def test_everything_is_there_after_a_restart(store, tmp_path):
    oid = store.commit("a/b", "main", "t", added(store, "f", b"1"))
    store.set_ref("a/b", "tags", "v1", oid)
    again = Store(tmp_path)
    assert again.resolve("a/b", "v1") == store.resolve("a/b", oid)
    assert again.refs("a/b", "tags") == {"v1": oid}
    assert again.access("a/b") == PUBLIC
