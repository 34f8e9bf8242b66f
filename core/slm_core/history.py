"""The execution's own history, for the one thing that a Catch does not pass on: which state failed."""

from __future__ import annotations

from slm_core.aws import client

_NEWEST_EVENTS = 100


def failed_state(execution_arn: str, entered_after_failure: str) -> str | None:
    """Return the state that was left before the named one was entered last, or None when recent events do not tell."""
    found = client("stepfunctions").get_execution_history(
        executionArn=execution_arn, reverseOrder=True, maxResults=_NEWEST_EVENTS, includeExecutionData=False
    )
    was_left: str | None = None
    failed: str | None = None
    for event in sorted(found["events"], key=lambda event: int(event["id"])):
        was_left = event.get("stateExitedEventDetails", {}).get("name", was_left)
        if event.get("stateEnteredEventDetails", {}).get("name") == entered_after_failure:
            failed = was_left
    return failed
