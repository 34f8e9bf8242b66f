"""Whether AWS knows who signs."""

from __future__ import annotations

from fine_tune_slm.doctor.context import Context
from fine_tune_slm.doctor.finding import Finding, ok, warn


def look_at_credentials(context: Context) -> Finding:
    """Return who signs, without the account's id; the root user is warned of."""
    identity = context.account.client("sts").get_caller_identity()
    kind = str(identity["Arn"]).split(":", 5)[-1].partition("/")[0]
    where = f"the account that ends in {str(identity['Account'])[-4:]}"
    if kind == "root":
        return warn(f"valid, but they are those of the root user of {where}", "Sign in as a role or a user of its own.")
    return ok(f"valid: {kind} of {where}")
