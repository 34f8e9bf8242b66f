"""Keys, paths and the documents' own rules."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from slm_core.layout import RunKeys, VolumePaths, split_s3_uri
from slm_core.records import ManifestFile, dataset_digest, describe_files


@pytest.mark.parametrize("run_id", ["", "a/b", "../x", "a" * 81, "a:b", "a\n"])
def test_a_run_id_that_could_leave_its_prefix_is_refused(run_id):
    with pytest.raises(ValueError, match="run id"):
        RunKeys(run_id)


def test_host_and_lambdas_write_under_prefixes_of_their_own():
    keys = RunKeys("run-1")
    assert {key.split("/")[0] for key in (keys.progress, keys.outcome, keys.staged_manifest)} == {"staging"}
    assert {key.split("/")[0] for key in (keys.spec, keys.record)} == {"runs"}
    assert keys.archive_manifest == "models/run-1/manifest.json"


def test_an_s3_uri_splits_into_bucket_and_key():
    assert split_s3_uri("s3://a-bucket/runs/r/run.json") == ("a-bucket", "runs/r/run.json")


@pytest.mark.parametrize("uri", ["s3://bucket", "http://bucket/key", "s3:///key", "bucket/key"])
def test_anything_else_is_no_s3_uri(uri):
    with pytest.raises(ValueError, match="s3://"):
        split_s3_uri(uri)


def test_two_revisions_of_a_model_do_not_share_a_directory():
    volume = VolumePaths(Path("/volume"))
    assert volume.model("a/b", "1" * 40) != volume.model("a/b", "2" * 40)


def test_a_dataset_is_named_by_its_content_alone():
    assert dataset_digest({"a": "1", "b": "2"}) == dataset_digest({"b": "2", "a": "1"})
    assert dataset_digest({"a": "1"}) != dataset_digest({"a": "2"})


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a//b", "a/../b/"])
def test_a_manifest_never_names_a_path_outside_its_directory(path):
    with pytest.raises(ValidationError):
        ManifestFile(path=path, size_bytes=1, sha256="0" * 64)


def test_files_are_described_in_path_order(tmp_path):
    (tmp_path / "b").write_bytes(b"two")
    (tmp_path / "a").write_bytes(b"")
    entries = describe_files(tmp_path, [tmp_path / "b", tmp_path / "a"])
    assert [(entry.path, entry.size_bytes) for entry in entries] == [("a", 0), ("b", 3)]
    assert entries[0].sha256 == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
