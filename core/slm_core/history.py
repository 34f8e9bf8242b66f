"""The execution's own history: which state failed, which a Catch does not pass on, and what of it is paid for."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple

from slm_core.aws import client

_NEWEST_EVENTS = 100
_EVENTS_A_PAGE = 1000
_CALLS = {"LambdaFunctionScheduled", "TaskScheduled"}


class Requests(NamedTuple):
    """What an execution is billed for."""

    transitions: int
    calls: int


def failed_state(execution_arn: str, entered_after_failure: Collection[str]) -> str | None:
    """Return the state that was left before one of the named was last entered, or None if recent events do not tell."""
    found = client("stepfunctions").get_execution_history(
        executionArn=execution_arn, reverseOrder=True, maxResults=_NEWEST_EVENTS, includeExecutionData=False
    )
    was_left: str | None = None
    failed: str | None = None
    for event in sorted(found["events"], key=lambda event: int(event["id"])):
        was_left = event.get("stateExitedEventDetails", {}).get("name", was_left)
        is_entered = event.get("stateEnteredEventDetails", {}).get("name") in entered_after_failure
        if is_entered and was_left not in entered_after_failure:
            failed = was_left
    return failed


def requests_of(execution_arn: str) -> Requests:
    """Return what the execution has been billed for so far."""
    pages = (
        client("stepfunctions")
        .get_paginator("get_execution_history")
        .paginate(executionArn=execution_arn, includeExecutionData=False, PaginationConfig={"PageSize": _EVENTS_A_PAGE})
    )
    return count_requests(event for page in pages for event in page["events"])


def count_requests(events: Iterable[dict[str, Any]]) -> Requests:
    """Return the billed requests among an execution's events: every state entered, and every retry once more."""
    kinds = [str(event["type"]) for event in events]
    calls = sum(kind in _CALLS for kind in kinds)
    retries = max(calls - kinds.count("TaskStateEntered"), 0)
    return Requests(sum(kind.endswith("StateEntered") for kind in kinds) + retries, calls)
