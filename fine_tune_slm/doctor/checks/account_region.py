"""Whether the region exists and is open to the account."""

from __future__ import annotations

from botocore.exceptions import ClientError

from fine_tune_slm.doctor.context import Context
from fine_tune_slm.doctor.finding import Finding, fail, ok, warn

NOT_OPTED_IN = "not-opted-in"


def look_at_region(context: Context) -> Finding:
    """Return which region the account is asked in, and whether the price table is of that region."""
    ec2 = context.account.client("ec2")
    region = str(ec2.meta.region_name)
    try:
        found = ec2.describe_regions(RegionNames=[region], AllRegions=True)["Regions"]
    except ClientError as error:
        if not error.response["Error"]["Code"].startswith("InvalidParameterValue"):
            raise
        found = []
    if not found:
        return fail(f"{region} is no region of this partition", "Name another with --region.")
    if found[0].get("OptInStatus") == NOT_OPTED_IN:
        return fail(f"{region} is not enabled in this account", f"aws account enable-region --region-name {region}")
    if context.prices.region != region:
        told = f"{region}; the price table is of {context.prices.region}"
        return warn(told, "Put this region's prices into config/prices.yml: they bind the deadline.")
    return ok(region)
