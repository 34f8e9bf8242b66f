"""Training processes that fail: FAILED with the right name, the instance stopped, nothing published."""

from __future__ import annotations

import json

import pytest

from fine_tune_slm.localcloud import LocalCloudSettings


@pytest.fixture(scope="module")
def tiny_settings(tiny_settings: LocalCloudSettings, tmp_path_factory: pytest.TempPathFactory) -> LocalCloudSettings:
    """An emulated AWS whose volume has no dataset of an earlier test: nobody would look into the bucket again."""
    return tiny_settings.model_copy(update={"volume": tmp_path_factory.mktemp("volume")})


def assert_nothing_was_released(tiny_stage, result) -> None:
    assert tiny_stage.instance()["State"]["Name"] == "stopped"
    assert result.card.instance_state == "stopped"
    assert result.record.hub_repo is None
    listed = tiny_stage.cloud.client("s3").list_objects_v2(
        Bucket=tiny_stage.stage.bucket, Prefix=f"models/{result.run.run_id}/"
    )
    assert listed["KeyCount"] == 0


def test_a_dataset_that_changed_in_the_bucket_fails_with_its_own_error(tiny_stage):
    s3, bucket = tiny_stage.cloud.client("s3"), tiny_stage.stage.bucket
    prefix = tiny_stage.stage.dataset_uri.removeprefix(f"s3://{bucket}/")
    kept = s3.get_object(Bucket=bucket, Key=f"{prefix}train.jsonl")["Body"].read()
    s3.put_object(Bucket=bucket, Key=f"{prefix}train.jsonl", Body=kept.replace(b"stage II", b"stage IV", 1))
    try:
        result = tiny_stage.run("changed-dataset")
    finally:
        s3.put_object(Bucket=bucket, Key=f"{prefix}train.jsonl", Body=kept)
    assert (result.timeline.status, result.card.error) == ("FAILED", "DatasetInvalidError")
    assert_nothing_was_released(tiny_stage, result)


def test_records_that_are_too_long_fail_with_a_count_and_without_their_text(tiny_stage):
    result = tiny_stage.run("too-long", json.dumps({"training": {"max_seq_length": 64}}))
    assert (result.timeline.status, result.card.error) == ("FAILED", "DatasetInvalidError")
    assert "Synthetic note" not in result.card.cause
    assert_nothing_was_released(tiny_stage, result)


@pytest.mark.parametrize("name", ["resume-from-nothing"])
def test_resuming_a_run_without_checkpoints_fails_with_its_own_error(tiny_stage, name):
    result = tiny_stage.run(name, json.dumps({"resume_from": "never-ran"}))
    assert (result.timeline.status, result.card.error) == ("FAILED", "CheckpointMissingError")
    assert_nothing_was_released(tiny_stage, result)
