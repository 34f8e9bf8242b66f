"""The execution's own history, for the one thing that a Catch does not pass on: which state failed."""

from __future__ import annotations

from collections.abc import Collection

from slm_core.aws import client

_NEWEST_EVENTS = 100


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
