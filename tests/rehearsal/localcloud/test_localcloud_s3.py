"""S3 of the emulator: checksums are compared, conditions hold, objects end up on disk."""

from __future__ import annotations

import base64
import hashlib

import pytest
from botocore.exceptions import ClientError


def digest(body):
    return base64.b64encode(hashlib.sha256(body).digest()).decode()


def test_a_false_checksum_is_refused_and_nothing_is_stored(rehearsal):
    s3, bucket = rehearsal.cloud.client("s3"), rehearsal.outputs["BucketName"]
    with pytest.raises(ClientError, match="BadDigest"):
        s3.put_object(Bucket=bucket, Key="false", Body=b"one", ChecksumSHA256=digest(b"two"))
    with pytest.raises(ClientError, match="404"):
        s3.head_object(Bucket=bucket, Key="false")


def test_a_true_checksum_is_kept_with_the_object(rehearsal):
    s3, bucket = rehearsal.cloud.client("s3"), rehearsal.outputs["BucketName"]
    put = s3.put_object(Bucket=bucket, Key="true", Body=b"one", ChecksumSHA256=digest(b"one"))
    head = s3.head_object(Bucket=bucket, Key="true", ChecksumMode="ENABLED")
    assert put["ChecksumSHA256"] == head["ChecksumSHA256"] == digest(b"one")


def test_a_checksum_that_the_sdk_computes_is_kept_too(rehearsal):
    s3, bucket = rehearsal.cloud.client("s3"), rehearsal.outputs["BucketName"]
    s3.put_object(Bucket=bucket, Key="computed", Body=b"one", ChecksumAlgorithm="SHA256")
    head = s3.head_object(Bucket=bucket, Key="computed", ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"] == digest(b"one")


def test_an_object_that_exists_is_not_written_under_if_none_match(rehearsal):
    s3, bucket = rehearsal.cloud.client("s3"), rehearsal.outputs["BucketName"]
    s3.put_object(Bucket=bucket, Key="once", Body=b"one", IfNoneMatch="*")
    with pytest.raises(ClientError) as refused:
        s3.put_object(Bucket=bucket, Key="once", Body=b"two", IfNoneMatch="*")
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    assert s3.get_object(Bucket=bucket, Key="once")["Body"].read() == b"one"


def test_objects_are_on_disk_after_saving_and_only_those_that_exist(rehearsal):
    s3, bucket = rehearsal.cloud.client("s3"), rehearsal.outputs["BucketName"]
    s3.put_object(Bucket=bucket, Key="kept/a.txt", Body=b"a")
    s3.put_object(Bucket=bucket, Key="gone/b.txt", Body=b"b")
    s3.put_object(Bucket=bucket, Key="../../outside.txt", Body=b"c")
    rehearsal.cloud.save_objects()
    s3.delete_object(Bucket=bucket, Key="gone/b.txt")
    rehearsal.cloud.save_objects()
    directory = rehearsal.cloud.root / "s3" / bucket
    assert (directory / "kept" / "a.txt").read_bytes() == b"a"
    assert not (directory / "gone" / "b.txt").exists()
    assert not (rehearsal.cloud.root / "outside.txt").exists()
    assert not (rehearsal.cloud.root / "s3" / "local-deployment-artifacts").exists()
