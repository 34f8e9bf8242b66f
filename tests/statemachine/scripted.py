"""The real workflow file, deployed from the real template, with scripted answers in the place of the functions."""

from __future__ import annotations

import json
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fine_tune_slm.localcloud import LocalCloud
from fine_tune_slm.localcloud.runtime.functions import FunctionVersion
from fine_tune_slm.localcloud.runtime.sandbox import Outcome
from fine_tune_slm.naming import stack_name

SECONDS_AN_EXECUTION = 60


@dataclass(frozen=True)
class Raised:
    """A function that ends with an error of this name."""

    error: str
    message: str = "A sentence."


Answer = Raised | Mapping[str, Any]
HAPPY: dict[str, Answer] = {
    "PrepareRun": {"run_id": "run-1", "fence": 1},
    "StartInstance": {"status": "starting", "wait_seconds": 15},
    "CheckInstance": {"status": "ready", "wait_seconds": 10},
    "StartTraining": {"status": "running", "wait_seconds": 30},
    "CheckTraining": {"status": "succeeded", "wait_seconds": 15},
    "ArchiveArtifacts": {"uri": "s3://b/models/run-1/"},
    "StopInstance": {"state": "stopped"},
    "AssessModel": {"publish": True},
    "PublishModel": {"revision": "abc"},
    "CompleteRun": {"status": "succeeded"},
    "RecordFailure": {"error": "RecordedError", "cause": "The recorded cause."},
}


@dataclass(frozen=True)
class Ended:
    """How an execution ended, and the states it went through."""

    status: str
    error: str | None
    cause: str | None
    path: list[str]
    calls: Mapping[str, list[dict[str, Any]]]


class ScriptedWorkflow:
    """Runs executions; stands in for LocalCloud's Functions.invoke."""

    def __init__(self, cloud: LocalCloud, machine_arn: str) -> None:
        self._cloud = cloud
        self._machine_arn = machine_arn
        self._script: dict[str, deque[Answer]] = {}
        self._calls: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def invoke(self, function: FunctionVersion, body: bytes) -> Outcome:
        """Return the function's next scripted answer, or the happy one when the script has no more."""
        name = _function_name(function.name)
        if name not in HAPPY:  # what events start by themselves, beside the workflow
            return Outcome(b"{}", is_error=False)
        self._calls[name].append(json.loads(body))
        waiting = self._script.get(name)
        answer = waiting.popleft() if waiting else HAPPY[name]
        if isinstance(answer, Raised):
            error = {"errorMessage": answer.message, "errorType": answer.error}
            return Outcome(json.dumps(error).encode(), is_error=True)
        return Outcome(json.dumps(answer).encode(), is_error=False)

    def run(self, script: Mapping[str, Sequence[Answer]] | None = None, execution_input: str = "{}") -> Ended:
        """Return how an execution ends whose functions answer as the script says."""
        self._script = {name: deque(answers) for name, answers in (script or {}).items()}
        self._calls = defaultdict(list)
        states = self._cloud.client("stepfunctions")
        arn = states.start_execution(
            stateMachineArn=self._machine_arn, name=f"run-{uuid.uuid4().hex[:8]}", input=execution_input
        )["executionArn"]
        deadline = time.monotonic() + SECONDS_AN_EXECUTION
        while (told := states.describe_execution(executionArn=arn))["status"] == "RUNNING":
            assert time.monotonic() < deadline, "the execution does not end"
            time.sleep(0.02)
        entered = [event.get("stateEnteredEventDetails") for event in self._cloud.events(arn)]
        path = [details["name"] for details in entered if details]
        return Ended(told["status"], told.get("error"), told.get("cause"), path, self._calls)


def _function_name(deployed: str) -> str:
    words = deployed.removeprefix(f"{stack_name()}-").split("-")
    return "".join(word.capitalize() for word in words)
