from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
from slm_core.errors import SettingMissingError
from slm_core.settings import load_setting_specs

from fine_tune_slm.dataset_check import check_dataset
from fine_tune_slm.dataset_publish import publish_dataset
from fine_tune_slm.errors import DatasetRefusedError

SPECS = load_setting_specs(Path(__file__).resolve().parents[3] / "config" / "aws_config.yml")
BUCKET = "fine-tune-slm-test"


@pytest.fixture
def stack(account):
    account.client("s3").create_bucket(Bucket=BUCKET)
    account.client("ssm").put_parameter(Name="/fine-tune-slm/storage/bucket", Value=BUCKET, Type="String")
    return account


@pytest.fixture
def put_headers(stack) -> list[dict[str, str]]:
    """The headers of every PutObject; moto itself forgets the checksum."""
    seen: list[dict[str, str]] = []
    stack.client("s3").meta.events.register(
        "before-call.s3.PutObject", lambda params, **_: seen.append(params["headers"])
    )
    return seen


def test_every_file_and_the_manifest_lie_under_the_digest_and_the_parameter_names_it(stack, dataset):
    uri = publish_dataset(check_dataset(dataset), stack, SPECS)
    digest = stack.client("ssm").get_parameter(Name="/fine-tune-slm/storage/dataset_sha256")["Parameter"]["Value"]
    assert uri == f"s3://{BUCKET}/datasets/{digest}/"
    for path in dataset.iterdir():
        kept = stack.client("s3").get_object(Bucket=BUCKET, Key=f"datasets/{digest}/{path.name}")
        assert kept["Body"].read() == path.read_bytes()


def test_each_put_carries_the_sha256_of_its_file_and_the_manifest_is_the_last(stack, dataset, put_headers):
    publish_dataset(check_dataset(dataset), stack, SPECS)
    files = [dataset / name for name in ("train.jsonl", "validation.jsonl", "manifest.json")]
    expected = [base64.b64encode(hashlib.sha256(file.read_bytes()).digest()).decode() for file in files]
    assert [headers["x-amz-checksum-sha256"] for headers in put_headers] == expected


def test_publishing_twice_changes_nothing(stack, dataset):
    first = publish_dataset(check_dataset(dataset), stack, SPECS)
    assert publish_dataset(check_dataset(dataset), stack, SPECS) == first


def test_a_dataset_with_problems_is_not_uploaded(stack, dataset):
    (dataset / "train.jsonl").write_text("{", encoding="utf-8")
    with pytest.raises(DatasetRefusedError, match="nothing was uploaded"):
        publish_dataset(check_dataset(dataset), stack, SPECS)
    assert "Contents" not in stack.client("s3").list_objects_v2(Bucket=BUCKET)


def test_without_a_stack_the_missing_parameter_is_named(account, dataset):
    with pytest.raises(SettingMissingError, match="/fine-tune-slm/storage/bucket does not exist"):
        publish_dataset(check_dataset(dataset), account, SPECS)
