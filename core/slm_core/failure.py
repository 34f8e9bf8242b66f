"""A failure as a person reads it, out of what a Catch wrote."""

from __future__ import annotations

import json
import re

from slm_core.errors import FineTuneSlmError, StepCrashedError, StepTimedOutError, leaves
from slm_core.records import InstanceRecord
from slm_core.state import Failure
from slm_core.training_config import Frozen

_LONGEST_CAUSE = 2000
_ACCOUNT_ID = re.compile(r"\b\d{12}\b")
_TIMED_OUT = "States.Timeout"
_NOT_STOPPED = "THE INSTANCE WAS NOT SEEN STOPPED"
_AT_REST = {"stopped", "terminated", "never_started"}


class Explained(Frozen):
    """The name and the cause that the Fail state shows."""

    error: str
    cause: str


def explain(failure: Failure) -> Explained:
    """Return the failure with Lambda's JSON unpacked, under a name of ours.

    Step Functions reserves the names that begin with "States.", so a Fail state may not show one. What a function that
    broke said is left out: only our own messages are known to carry no clinical text, no token and no whole input.
    """
    message = _lambda_message(failure.cause)
    if failure.error in leaves():
        return Explained(error=failure.error, cause=(message or failure.cause)[:_LONGEST_CAUSE])
    named = _named(failure.error, "" if message is not None else _ACCOUNT_ID.sub("************", failure.cause))
    return Explained(error=type(named).__name__, cause=str(named))


def _named(error: str, text: str) -> FineTuneSlmError:
    said = f" ({text[:_LONGEST_CAUSE]})" if text else ""
    if error == _TIMED_OUT:
        return StepTimedOutError(f"A function took longer than its state allows{said}")
    return StepCrashedError(f"A function ended with {error}{said}")


def with_instance(explained: Explained, instance: InstanceRecord) -> Explained:
    """Return the failure with a warning when the instance was not seen stopped."""
    if instance.state in _AT_REST:
        return explained
    warning = f"{_NOT_STOPPED} ({instance.state}): aws ec2 stop-instances --instance-ids"
    return Explained(error=explained.error, cause=f"{explained.cause} {warning} {instance.instance_id}")


def without_instance(cause: str) -> str:
    """Return the cause without the warning that `with_instance` added: the instance has been looked at again."""
    return cause.partition(f" {_NOT_STOPPED}")[0]


def _lambda_message(cause: str) -> str | None:
    try:
        content = json.loads(cause)
    except ValueError:
        return None
    message = content.get("errorMessage") if isinstance(content, dict) else None
    return str(message) if message is not None else None
