"""Directories that are complete or not there."""

import pytest

from training.durable import MARKER_NAME, damaged_files, is_sealed, seal, seal_and_rename, sealed_hashes, write_durably


@pytest.fixture
def filled(tmp_path):
    directory = tmp_path / "filled"
    (directory / "sub").mkdir(parents=True)
    (directory / "a.bin").write_bytes(b"one")
    (directory / "sub" / "b.bin").write_bytes(b"two")
    return directory


def test_a_directory_without_marker_is_not_sealed(filled):
    assert not is_sealed(filled)


def test_a_sealed_directory_names_every_file_with_its_hash(filled):
    hashes = seal(filled)
    assert sorted(hashes) == ["a.bin", "sub/b.bin"]
    assert sealed_hashes(filled) == hashes
    assert is_sealed(filled)


@pytest.mark.parametrize("damage", [lambda file: file.write_bytes(b"oNe"), lambda file: file.unlink()])
def test_a_changed_or_missing_file_breaks_the_seal_and_is_named(filled, damage):
    hashes = seal(filled)
    damage(filled / "a.bin")
    assert not is_sealed(filled)
    assert damaged_files(filled, hashes) == ["a.bin"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_a_torn_marker_is_no_marker(filled, content):
    seal(filled)
    (filled / MARKER_NAME).write_bytes(content)
    assert not is_sealed(filled)


def test_renaming_replaces_what_stood_there(filled, tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    (target / "old").write_text("old")
    seal_and_rename(filled, target)
    assert is_sealed(target)
    assert not filled.exists()
    assert not (target / "old").exists()


def test_a_durable_write_leaves_the_new_content_and_no_temporary_file(tmp_path):
    write_durably(tmp_path / "x.json", b"old")
    write_durably(tmp_path / "x.json", b"new")
    assert (tmp_path / "x.json").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]
