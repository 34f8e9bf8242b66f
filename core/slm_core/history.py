"""The execution's own history, for the one thing that a Catch does not pass on: which state failed."""

from __future__ import annotations

from typing import Any

from slm_core.aws import client

_NEWEST_EVENTS = 100


def failed_state(execution_arn: str, entered_after_failure: str) -> str | None:
    """Return the state that was left last before the named one was entered, or None when recent events do not tell."""
    found = client("stepfunctions").get_execution_history(
        executionArn=execution_arn, reverseOrder=True, maxResults=_NEWEST_EVENTS, includeExecutionData=False
    )
    events = iter(found["events"])
    for event in events:
        if event.get("stateEnteredEventDetails", {}).get("name") == entered_after_failure:
            return _next_exited(events)
    return None


def _next_exited(events: Any) -> str | None:
    for event in events:
        if "stateExitedEventDetails" in event:
            return str(event["stateExitedEventDetails"]["name"])
    return None
