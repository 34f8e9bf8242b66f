"""Whether the account may run the instance: its on-demand quota counts vCPUs by family of types."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from botocore.exceptions import ClientError

from fine_tune_slm.doctor.context import Context
from fine_tune_slm.doctor.finding import Finding, fail, ok, warn


class Quota(NamedTuple):
    """A quota of EC2."""

    code: str
    name: str


QUOTAS = {
    "g": Quota("L-DB2E81BA", "Running On-Demand G and VT instances"),
    "vt": Quota("L-DB2E81BA", "Running On-Demand G and VT instances"),
    "p": Quota("L-417A185B", "Running On-Demand P instances"),
}
STANDARD = Quota("L-1216C47A", "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances")


def look_at_quota(context: Context) -> Finding:
    """Return whether the quota allows each of the types; without the first one a run would have to do with another."""
    needed = vcpus_of(context.account.client("ec2"), context.instance_types)
    quotas = {name: quota_of(name) for name in context.instance_types}
    allowed = {quota: vcpus_allowed(context.account.client("service-quotas"), quota) for quota in set(quotas.values())}
    short = [name for name in context.instance_types if needed[name] > allowed[quotas[name]]]
    if not short:
        first = context.instance_types[0]
        return ok(f"{allowed[quotas[first]]:g} vCPUs of '{quotas[first].name}'; {first} takes {needed[first]}")
    quota, told = quotas[short[0]], ", ".join(f"{name} ({needed[name]} vCPUs)" for name in short)
    what = f"{allowed[quota]:g} vCPUs of '{quota.name}' are too few for {told}"
    remedy = (
        f"aws service-quotas request-service-quota-increase --service-code ec2 --quota-code {quota.code}"
        f" --desired-value {max(needed[name] for name in short if quotas[name] == quota)}"
    )
    return fail(what, remedy) if len(short) == len(context.instance_types) else warn(what, remedy)


def quota_of(instance_type: str) -> Quota:
    """Return the quota that a type counts against."""
    family = re.match(r"[a-z]+", instance_type)
    return QUOTAS.get(family.group() if family else "", STANDARD)


def vcpus_of(ec2: Any, instance_types: tuple[str, ...]) -> dict[str, int]:
    """Return the vCPUs of each type."""
    found = ec2.describe_instance_types(InstanceTypes=list(instance_types))["InstanceTypes"]
    return {one["InstanceType"]: int(one["VCpuInfo"]["DefaultVCpus"]) for one in found}


def vcpus_allowed(quotas: Any, quota: Quota) -> float:
    """Return the account's own quota, or AWS's default where it has none."""
    try:
        found = quotas.get_service_quota(ServiceCode="ec2", QuotaCode=quota.code)
    except ClientError as error:
        if error.response["Error"]["Code"] != "NoSuchResourceException":
            raise
        found = quotas.get_aws_default_service_quota(ServiceCode="ec2", QuotaCode=quota.code)
    return float(found["Quota"]["Value"])
