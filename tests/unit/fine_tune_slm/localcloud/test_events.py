"""EventBridge: the status change has AWS's shape, and a function that failed is tried again."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

from fine_tune_slm.localcloud.events import EventBridge, status_change

REGION = "us-east-1"
ARN = "arn:aws:states:us-east-1:123456789012:execution:machine:run-1"
PATIENCE_SECONDS = 20.0


@pytest.fixture
def execution() -> SimpleNamespace:
    return SimpleNamespace(
        exec_arn=ARN,
        state_machine=SimpleNamespace(arn=ARN.replace(":execution:", ":stateMachine:").removesuffix(":run-1")),
        name="run-1",
        exec_status=SimpleNamespace(value="ABORTED"),
        start_date=datetime(2030, 1, 2, 3, 4, 5, 678_900, tzinfo=UTC),
        stop_date=datetime(2030, 1, 2, 3, 4, 47, tzinfo=UTC),
        input_data={"max_hours": 6},
        output=None,
        error="Interrupted",
        cause="Ctrl-C or SIGTERM",
    )


class Reaper:
    """A function that fails the first time."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self.was_invoked, self.has_succeeded = threading.Event(), threading.Event()

    def get(self, _service: str, _role: str | None) -> Reaper:
        return self

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, str]:  # noqa: N803 - boto3's names
        self.events.append(json.loads(Payload))
        self.was_invoked.set()
        if len(self.events) == 1:
            return {"FunctionError": "Unhandled"}
        self.has_succeeded.set()
        return {"FunctionName": FunctionName}


def test_the_status_change_tells_when_the_execution_began_and_ended_in_milliseconds(execution):
    event = status_change(execution, REGION)
    assert (event["source"], event["resources"]) == ("aws.states", [ARN])
    detail = event["detail"]
    assert (detail["startDate"], detail["stopDate"]) == (1_893_553_445_678, 1_893_553_487_000)
    assert (detail["name"], detail["status"], detail["executionArn"]) == ("run-1", "ABORTED", ARN)
    assert json.loads(detail["input"]) == {"max_hours": 6}
    assert (detail["output"], detail["outputDetails"]) == (None, None)
    assert (detail["error"], detail["cause"]) == ("Interrupted", "Ctrl-C or SIGTERM")


@mock_aws
def test_a_function_that_failed_is_tried_again_at_once_where_somebody_waits(execution):
    events = boto3.client("events", region_name=REGION)
    events.put_rule(Name="ended", EventPattern=json.dumps({"source": ["aws.states"]}))
    events.put_targets(Rule="ended", Targets=[{"Id": "1", "Arn": "arn:aws:lambda:us-east-1:123456789012:function:f"}])
    reaper = Reaper()
    bridge = EventBridge(reaper, REGION, scale=1000.0)
    bridge.execution_ended(execution)
    assert reaper.was_invoked.wait(PATIENCE_SECONDS)
    bridge.hasten()
    assert reaper.has_succeeded.wait(PATIENCE_SECONDS)
    bridge.close()
    assert reaper.events[0] == reaper.events[1]
