"""The run's dataset: fetched, checked, parsed and sampled."""

import hashlib
import io
import json

import pytest
from botocore.exceptions import ClientError
from slm_core.errors import DatasetInvalidError, DatasetMissingError
from slm_core.layout import VolumePaths, dataset_prefix
from slm_core.records import dataset_digest

from extraction.schema import FIELDS
from training.dataset import even_sample, fetch_dataset, random_sample, read_records

SECRET = "SYNTHETIC-NOTE-TEXT"


def line(note=SECRET):
    return json.dumps({"instruction": "x", "input": note, "output": dict.fromkeys(FIELDS)})


class Bucket:
    """The one call of S3 that fetching uses."""

    def __init__(self, objects):
        self.objects = objects
        self.reads = 0

    def get_object(self, Bucket, Key):  # noqa: N803
        self.reads += 1
        if Key not in self.objects:
            raise ClientError({"Error": {"Code": "NoSuchKey"}}, "GetObject")
        return {"Body": io.BytesIO(self.objects[Key])}


@pytest.fixture
def published(spec):
    files = {name: (line() + "\n").encode() for name in ("train.jsonl", "validation.jsonl")}
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
    digest = dataset_digest(hashes)
    manifest = {"files": {name: {"sha256": value, "records": 1} for name, value in hashes.items()}, "synthetic": True}
    objects = {dataset_prefix(digest) + name: content for name, content in files.items()}
    objects[dataset_prefix(digest) + "manifest.json"] = json.dumps(manifest).encode()
    return spec.model_copy(update={"dataset_sha256": digest}), Bucket(objects)


def test_a_dataset_is_downloaded_once_for_a_volume(published, tmp_path):
    spec, bucket = published
    first = fetch_dataset(spec, VolumePaths(tmp_path), bucket)
    reads = bucket.reads
    assert fetch_dataset(spec, VolumePaths(tmp_path), bucket) == first
    assert bucket.reads == reads
    assert len(read_records(first / "train.jsonl")) == 1


def test_a_damaged_copy_on_the_volume_is_downloaded_again(published, tmp_path):
    spec, bucket = published
    directory = fetch_dataset(spec, VolumePaths(tmp_path), bucket)
    (directory / "train.jsonl").write_text("damaged")
    assert len(read_records(fetch_dataset(spec, VolumePaths(tmp_path), bucket) / "train.jsonl")) == 1


def test_a_file_that_differs_from_the_manifest_is_refused_and_not_kept(published, tmp_path):
    spec, bucket = published
    bucket.objects[dataset_prefix(spec.dataset_sha256) + "train.jsonl"] += b"\n"
    with pytest.raises(DatasetInvalidError, match=r"train\.jsonl"):
        fetch_dataset(spec, VolumePaths(tmp_path), bucket)
    assert not VolumePaths(tmp_path).dataset(spec.dataset_sha256).exists()


def test_a_dataset_under_another_ones_name_is_refused(published, tmp_path):
    spec, bucket = published
    objects = {key.replace(spec.dataset_sha256, "c" * 64): value for key, value in bucket.objects.items()}
    with pytest.raises(DatasetInvalidError, match="digest"):
        fetch_dataset(spec.model_copy(update={"dataset_sha256": "c" * 64}), VolumePaths(tmp_path), Bucket(objects))


def test_a_dataset_that_is_not_in_the_bucket_is_named_missing(spec, tmp_path):
    with pytest.raises(DatasetMissingError):
        fetch_dataset(spec, VolumePaths(tmp_path), Bucket({}))


def test_bad_lines_are_named_by_number_and_never_by_text(tmp_path):
    path = tmp_path / "train.jsonl"
    wrong_field = json.dumps({"instruction": "x", "input": SECRET, "output": {"stage": SECRET}})
    path.write_text("\n".join([line(), "{not json " + SECRET, line(), wrong_field]))
    with pytest.raises(DatasetInvalidError, match=r"train\.jsonl: 2 lines .* at line 2, 4") as caught:
        read_records(path)
    assert SECRET not in str(caught.value)


def test_a_note_with_a_unicode_line_separator_is_one_line(tmp_path):
    path = tmp_path / "train.jsonl"
    path.write_text(line().replace(SECRET, "first\u2028second") + "\n", encoding="utf-8")
    assert len(read_records(path)) == 1


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "train.jsonl").write_text("")
    with pytest.raises(DatasetInvalidError, match="no record"):
        read_records(tmp_path / "train.jsonl")


def test_the_training_subset_depends_on_the_seed_alone():
    items = list(range(100))
    assert random_sample(items, 10, 1) == random_sample(items, 10, 1) != random_sample(items, 10, 2)
    assert random_sample(items, None, 1) == items


def test_the_validation_subset_is_spread_evenly_and_never_changes():
    assert even_sample(list(range(100)), 4) == [0, 25, 50, 75]
    assert even_sample([1, 2], 5) == [1, 2]
