"""Whether the instance's zone offers the types: a stopped instance keeps its zone."""

from __future__ import annotations

from typing import Any

from fine_tune_slm.doctor.context import Context, Occasion
from fine_tune_slm.doctor.finding import Finding, fail, ok, warn


def look_at_zone(context: Context) -> Finding:
    """Return which types can start in the instance's zone; before a deployment, in which zones all of them can."""
    offered = zones_by_type(context.account.client("ec2"), context.instance_types)
    if context.request.occasion is Occasion.BEFORE_DEPLOY:
        return _zones_to_choose(context, offered)
    zone = str(context.instance()["Placement"]["AvailabilityZone"])
    missing = [name for name in context.instance_types if zone not in offered[name]]
    if not missing:
        return ok(f"{zone} offers {', '.join(context.instance_types)}")
    told = f"{zone}, where the instance is, does not offer {', '.join(missing)}"
    if len(missing) < len(context.instance_types):
        return warn(told, "Take them out with: fine-tune-slm params set instance.allowed_types TYPE,TYPE")
    return fail(told, f"Deploy into a subnet (SubnetId) of one of these zones: {_listed(_common(offered))}.")


def zones_by_type(ec2: Any, instance_types: tuple[str, ...]) -> dict[str, set[str]]:
    """Return the zones of this region that offer each type."""
    filters = [{"Name": "instance-type", "Values": list(instance_types)}]
    pages = ec2.get_paginator("describe_instance_type_offerings").paginate(
        LocationType="availability-zone", Filters=filters
    )
    found: dict[str, set[str]] = {name: set() for name in instance_types}
    for page in pages:
        for offer in page["InstanceTypeOfferings"]:
            found[offer["InstanceType"]].add(offer["Location"])
    return found


def _zones_to_choose(context: Context, offered: dict[str, set[str]]) -> Finding:
    nowhere = [name for name in context.instance_types if not offered[name]]
    if len(nowhere) == len(context.instance_types):
        return fail(f"this region does not offer {', '.join(nowhere)}", "Choose another region with --region.")
    told = f"all types that this region has are offered in {_listed(_common(offered))}"
    if nowhere:
        return warn(f"{told}; not offered at all: {', '.join(nowhere)}", "Leave them out of instance.allowed_types.")
    return ok(f"{told}: choose a subnet (SubnetId) of one of these zones")


def _common(offered: dict[str, set[str]]) -> set[str]:
    return set.intersection(*(zones for zones in offered.values() if zones)) if any(offered.values()) else set()


def _listed(zones: set[str]) -> str:
    return ", ".join(sorted(zones)) or "no zone together"
