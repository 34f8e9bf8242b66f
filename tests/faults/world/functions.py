"""The Lambdas, in process: the real handlers behind the workflow's calls, with the runtime's ways to fail."""

from __future__ import annotations

import importlib
import io
import json
import math
import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.faults.world.timeline import Task, TaskEnded, Timeline

ACCOUNT_ID = "123456789012"
USUAL_SECONDS = 0.4
_MOMENT_SECONDS = 0.01
_ERROR_BYTES = 256 * 1024
STATE_FUNCTIONS = (
    "PrepareRun",
    "StartInstance",
    "CheckInstance",
    "StartTraining",
    "CheckTraining",
    "ArchiveArtifacts",
    "StopInstance",
    "AssessModel",
    "PublishModel",
    "CompleteRun",
    "RecordFailure",
)


class FunctionKilled(BaseException):
    """The runtime ended the function: no code of the function may see it."""


class ServiceFailedError(Exception):
    """Lambda itself refused or failed: the function was not run."""

    def __init__(self, error: str) -> None:
        self.error = error
        super().__init__(error)


@dataclass
class Invocation:
    """One run of a function."""

    function: str
    number: int
    calls: Counter[str] = field(default_factory=Counter)
    event: Mapping[str, Any] = field(default_factory=dict)
    is_looked_at: bool = False


@dataclass(frozen=True)
class Context:
    """What a handler may ask the runtime."""

    function_name: str
    aws_request_id: str
    memory_limit_in_mb: int = 512

    @property
    def invoked_function_arn(self) -> str:
        """Return the ARN."""
        return function_arn(self.function_name)

    @property
    def function_version(self) -> str:
        """Return the version."""
        return "1"

    def get_remaining_time_in_millis(self) -> int:
        """Return plenty."""
        return 300_000


class Functions:
    """Invokes handlers, one thing at a time, and stands in for the Lambda client of Step Functions."""

    def __init__(self, timeline: Timeline, before: Callable[[Invocation], float | None]) -> None:
        """`before` may raise ServiceFailedError and returns how long the function takes, None for the usual time."""
        self._timeline = timeline
        self._before = before
        self._counts: Counter[str] = Counter()
        self._active: dict[int, Invocation] = {}
        self._waited_for_until: dict[Task | None, float] = {}
        self.responses: list[str] = []

    def wait_at_most(self, seconds: float) -> None:
        """Let the task that runs now wait no longer for an answer: what a state's TimeoutSeconds does."""
        self._waited_for_until[self._timeline.running] = self._timeline.seconds() + seconds

    @property
    def active(self) -> Invocation | None:
        """Return the invocation that runs now."""
        return self._active.get(id(self._timeline.running))

    def invoke(self, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - boto3's own spelling
        """Return the answer as boto3's Lambda client gives it."""
        name = state_of(FunctionName)
        try:
            payload, is_error = self.call(name, json.loads(Payload))
        except ServiceFailedError as failure:
            payload, is_error = {"errorType": failure.error, "errorMessage": "Lambda did not run the function"}, True
        text = json.dumps(payload)
        self.responses.append(text)
        answer: dict[str, Any] = {"StatusCode": 200, "Payload": io.BytesIO(text.encode())}
        return answer | ({"FunctionError": "Unhandled"} if is_error else {})

    def call(self, name: str, event: Mapping[str, Any]) -> tuple[Any, bool]:
        """Return what a function answered, and whether that is an error.

        Raises: ServiceFailedError.
        """
        self._counts[name] += 1
        invocation = Invocation(name, self._counts[name], event=event)
        seconds = self._before(invocation)
        task = id(self._timeline.running)
        outer = self._active.get(task)
        self._active[task] = invocation
        try:
            answer = self._run(invocation, event)
        finally:
            self._active.pop(task)
            if outer:
                self._active[task] = outer
        self._timeline.sleep(min(USUAL_SECONDS if seconds is None else seconds, self._patience_seconds()))
        return answer

    def _patience_seconds(self) -> float:
        """Return how long the caller still waits, and a moment more."""
        until = self._waited_for_until.pop(self._timeline.running, math.inf)
        return max(0.0, until - self._timeline.seconds()) + _MOMENT_SECONDS

    def _run(self, invocation: Invocation, event: Mapping[str, Any]) -> tuple[Any, bool]:
        handler = importlib.import_module(f"lambdas.{snake(invocation.function)}").handler
        context = Context(invocation.function, f"request-{invocation.number}")
        try:
            return json.loads(json.dumps(handler(json.loads(json.dumps(event)), context))), False
        except TaskEnded:
            raise
        except FunctionKilled as killed:
            return {"errorType": str(killed), "errorMessage": "the runtime ended the function"}, True
        except Exception as error:  # noqa: BLE001 - the runtime's own boundary
            return {"errorType": type(error).__name__, "errorMessage": str(error)[:_ERROR_BYTES]}, True


def snake(name: str) -> str:
    """Return StartInstance as start_instance."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def function_arn(name: str) -> str:
    """Return the ARN of a function's published version."""
    return f"arn:aws:lambda:us-east-1:{ACCOUNT_ID}:function:{name}:1"


def state_of(arn: str) -> str:
    """Return the name of the function that an ARN names."""
    return arn.split(":")[6]
