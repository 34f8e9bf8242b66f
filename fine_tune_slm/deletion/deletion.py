"""Deletes what a survey found: the stack first, then what outlives one; a call that was interrupted can be repeated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError, WaiterError

from fine_tune_slm.aws import ClientSource
from fine_tune_slm.deletion.survey import Kept, Survey
from fine_tune_slm.errors import DeletionFailedError, DeletionRefusedError

NAMES_PER_CALL = 10
OBJECTS_PER_CALL = 1000
# Lambda functions and the instance take minutes to go, CloudFormation's own patience is an hour.
_STACK_WAITER = {"Delay": 10, "MaxAttempts": 360}


@dataclass(frozen=True)
class Choice:
    """What is to go besides the stack."""

    bucket: bool = False
    volume: bool = False

    def takes(self, kept: Kept) -> bool:
        """Return whether something that would outlive the stack is to go too."""
        return self.bucket if kept.kind == "bucket" else self.volume


def require_idle(found: Survey) -> None:
    """Return nothing when no execution runs.

    Raises: DeletionRefusedError.
    """
    if found.running:
        raise DeletionRefusedError(f"{', '.join(found.running)} runs on {found.stack_name}")


def delete(account: ClientSource, found: Survey, choice: Choice) -> Iterator[str]:
    """Delete the stage; yield each part when it is gone.

    Raises: DeletionRefusedError, DeletionFailedError.
    """
    require_idle(found)
    if found.stack_id is not None:
        _delete_stack(account.client("cloudformation"), found, found.stack_id)
        yield f"stack {found.stack_name}"
    yield from _leftovers(account, found)
    for kept in filter(choice.takes, found.kept):
        {"bucket": _delete_bucket, "volume": _delete_volume}[kept.kind](account, kept.name)
        yield f"{kept.kind} {kept.name}"


def _delete_stack(cloudformation: Any, found: Survey, stack_id: str) -> None:
    cloudformation.delete_stack(StackName=stack_id)
    try:
        cloudformation.get_waiter("stack_delete_complete").wait(StackName=stack_id, WaiterConfig=_STACK_WAITER)
    except WaiterError as error:
        events = cloudformation.describe_stack_events(StackName=stack_id)["StackEvents"]
        failed = {one["LogicalResourceId"] for one in events if one["ResourceStatus"] == "DELETE_FAILED"}
        named = ", ".join(sorted(failed - {found.stack_name})) or "nothing by name"
        raise DeletionFailedError(f"CloudFormation could not delete {found.stack_name}; it names {named}") from error


def _leftovers(account: ClientSource, found: Survey) -> Iterator[str]:
    """Delete what no stack owns, or what came back: the last log line of a function can arrive after its group."""
    logs, ssm = account.client("logs"), account.client("ssm")
    for name in found.log_groups:
        try:
            logs.delete_log_group(logGroupName=name)
        except logs.exceptions.ResourceNotFoundException:
            continue
        yield f"log group {name}"
    for names in _in_batches(found.parameters, NAMES_PER_CALL):
        for name in ssm.delete_parameters(Names=names)["DeletedParameters"]:
            yield f"parameter {name}"


def _in_batches(items: Sequence[Any], size: int) -> Iterator[list[Any]]:
    for start in range(0, len(items), size):
        yield list(items[start : start + size])


def _delete_volume(account: ClientSource, volume_id: str) -> None:
    ec2 = account.client("ec2")
    try:
        ec2.get_waiter("volume_available").wait(VolumeIds=[volume_id])
    except WaiterError as error:
        raise DeletionFailedError(f"Volume {volume_id} is still attached to an instance") from error
    ec2.delete_volume(VolumeId=volume_id)


def _delete_bucket(account: ClientSource, name: str) -> None:
    """Delete a bucket with every version, delete marker and unfinished upload in it."""
    s3 = account.client("s3")
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=name):
        for upload in page.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"])
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=name):
        _delete_objects(s3, name, [*page.get("Versions", []), *page.get("DeleteMarkers", [])])
    try:
        s3.delete_bucket(Bucket=name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "BucketNotEmpty":
            raise DeletionFailedError(f"Something was put into {name} while it was emptied") from error
        raise


def _delete_objects(s3: Any, name: str, listed: Sequence[dict[str, Any]]) -> None:
    for batch in _in_batches(listed, OBJECTS_PER_CALL):
        objects = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in batch]
        refused = s3.delete_objects(Bucket=name, Delete={"Objects": objects, "Quiet": True}).get("Errors", [])
        if refused:
            codes = ", ".join(sorted({one["Code"] for one in refused}))
            raise DeletionFailedError(f"S3 kept {len(refused)} objects of {name}: {codes}")
