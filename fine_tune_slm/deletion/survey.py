"""What a stage has in the account: its stack, and what outlives a stack. Looks only, changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError
from slm_core.prices import PriceTable

from fine_tune_slm.aws import ClientSource
from fine_tune_slm.deployed_stack import DeployedStack
from fine_tune_slm.errors import StackMissingError
from fine_tune_slm.naming import parameter_root

STACK_TAG = "fine-tune-slm-stack"
BYTES_PER_GIB = 1024**3


@dataclass(frozen=True)
class Kept:
    """A bucket or a volume that outlives the stack unless it is asked for."""

    kind: str
    name: str
    size_gib: float
    usd_per_gib_month: float

    @property
    def usd_per_month(self) -> float:
        """What it costs while nobody uses it."""
        return round(self.size_gib * self.usd_per_gib_month, 2)

    def line(self) -> str:
        """Return it for a reader."""
        return f"{self.kind} {self.name}, {self.size_gib:,.1f} GiB, about {self.usd_per_month:,.2f} USD a month"


@dataclass(frozen=True)
class Survey:
    """Everything of one stage; stack_id is None when the stack is gone already."""

    stack_name: str
    stack_id: str | None
    running: tuple[str, ...]
    log_groups: tuple[str, ...]
    parameters: tuple[str, ...]
    kept: tuple[Kept, ...]


def survey(account: ClientSource, stack_name: str, stage: str, prices: PriceTable) -> Survey:
    """Return what the stage has, and what it costs to keep at these prices.

    Raises: StackMissingError when there is neither a stack nor anything that one left.
    """
    stack = DeployedStack(stack_name, account)
    exists = _exists(stack)
    outputs = stack.outputs if exists else {}
    found = Survey(
        stack_name=stack_name,
        stack_id=str(stack.described["StackId"]) if exists else None,
        running=_running(account, outputs.get("StateMachineArn")),
        log_groups=_log_groups(stack) if exists else (),
        parameters=_parameters(account, outputs.get("ParameterRoot") or parameter_root(stage)),
        kept=(*_buckets(account, stack_name, prices), *_volumes(account, stack_name, prices)),
    )
    if not (exists or found.parameters or found.kept):
        raise StackMissingError(f"There is no stack {stack_name} in this account and region, and nothing that it left")
    return found


def _exists(stack: DeployedStack) -> bool:
    try:
        return stack.status != "DELETE_COMPLETE"
    except StackMissingError:
        return False


def _running(account: ClientSource, machine_arn: str | None) -> tuple[str, ...]:
    if machine_arn is None:
        return ()
    states = account.client("stepfunctions")
    try:
        listed = states.list_executions(stateMachineArn=machine_arn, statusFilter="RUNNING")["executions"]
    except states.exceptions.StateMachineDoesNotExist:  # of a stack whose deletion failed half way
        return ()
    return tuple(execution["name"] for execution in listed)


def _log_groups(stack: DeployedStack) -> tuple[str, ...]:
    """Return the groups of the stack: a name that only begins alike may be another stage's."""
    return tuple(sorted(name for logical, name in stack.physical_ids.items() if logical.endswith("LogGroup") and name))


def _parameters(account: ClientSource, root: str) -> tuple[str, ...]:
    pages = account.client("ssm").get_paginator("get_parameters_by_path").paginate(Path=root, Recursive=True)
    return tuple(sorted(parameter["Name"] for page in pages for parameter in page["Parameters"]))


def _buckets(account: ClientSource, stack_name: str, prices: PriceTable) -> Iterator[Kept]:
    s3 = account.client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        name = bucket["Name"]
        # CloudFormation begins the name of a bucket with the stack's, shortened if need be
        if name.startswith(stack_name[:32].lower()) and _tag_of_bucket(s3, name) == stack_name:
            size_gib = _bucket_bytes(s3, name) / BYTES_PER_GIB
            yield Kept("bucket", name, size_gib, prices.usd_per_bucket_gib_month)


def _tag_of_bucket(s3: Any, name: str) -> str | None:
    try:
        tags = s3.get_bucket_tagging(Bucket=name)["TagSet"]
    except ClientError as error:
        # a bucket without tags, or one of another region or owner: none of them is ours
        if error.response["Error"]["Code"] in {"NoSuchTagSet", "AccessDenied", "PermanentRedirect"}:
            return None
        raise
    return next((str(tag["Value"]) for tag in tags if tag["Key"] == STACK_TAG), None)


def _bucket_bytes(s3: Any, name: str) -> int:
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=name)
    return sum(version["Size"] for page in pages for version in page.get("Versions", []))


def _volumes(account: ClientSource, stack_name: str, prices: PriceTable) -> Iterator[Kept]:
    wanted = [{"Name": f"tag:{STACK_TAG}", "Values": [stack_name]}]
    for volume in account.client("ec2").describe_volumes(Filters=wanted)["Volumes"]:
        yield Kept("volume", volume["VolumeId"], float(volume["Size"]), prices.usd_per_gib_month)
