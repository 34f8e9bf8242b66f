"""A failure as a person reads it, out of what a Catch wrote."""

from __future__ import annotations

import json
import re

from slm_core.errors import leaves
from slm_core.records import InstanceRecord
from slm_core.state import Failure
from slm_core.training_config import Frozen

_LONGEST_CAUSE = 2000
_ACCOUNT_ID = re.compile(r"\b\d{12}\b")
_AT_REST = {"stopped", "terminated", "never_started"}


class Explained(Frozen):
    """The name and the cause that the Fail state shows."""

    error: str
    cause: str


def explain(failure: Failure) -> Explained:
    """Return the failure with Lambda's JSON unpacked; the text of an error that is not ours is left out.

    Only our own messages are known to carry no clinical text, no token and no whole input.
    """
    message = _lambda_message(failure.cause)
    if failure.error in leaves():
        return Explained(error=failure.error, cause=(message or failure.cause)[:_LONGEST_CAUSE])
    if message is not None:
        return Explained(error=failure.error, cause=f"{failure.error} is a bug: the function's log tells more.")
    text = _ACCOUNT_ID.sub("************", failure.cause)[:_LONGEST_CAUSE]
    return Explained(error=failure.error, cause=text or f"{failure.error}: Step Functions gave no cause.")


def with_instance(explained: Explained, instance: InstanceRecord) -> Explained:
    """Return the failure with a warning when the instance was not seen stopped."""
    if instance.state in _AT_REST:
        return explained
    warning = f"THE INSTANCE WAS NOT SEEN STOPPED ({instance.state}): aws ec2 stop-instances --instance-ids"
    return Explained(error=explained.error, cause=f"{explained.cause} {warning} {instance.instance_id}")


def _lambda_message(cause: str) -> str | None:
    try:
        content = json.loads(cause)
    except ValueError:
        return None
    message = content.get("errorMessage") if isinstance(content, dict) else None
    return str(message) if message is not None else None
