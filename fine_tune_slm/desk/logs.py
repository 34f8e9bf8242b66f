"""The lines that a run logged: of its training, or of one step; from the files of a rehearsal or CloudWatch Logs."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from fine_tune_slm.desk.place import FoundRun
from fine_tune_slm.desk.stack import StackRun
from fine_tune_slm.errors import ArgumentInvalidError, LogMissingError
from fine_tune_slm.kept_runs import KeptRun
from fine_tune_slm.project import find_project

FOLLOW_SECONDS = 3.0
LAST_WORDS = timedelta(minutes=5)
"""Events reach CloudWatch Logs, and the reaper a run that was ended, so long after its end."""
WORKFLOW = Path("statemachine/fine_tune.asl.json")
OUTSIDE = {"ReapRun": "reap-run", "SweepInstances": "sweep-instances"}
_RESOURCE = re.compile(r"\$\{(\w+)FunctionArn\}")


@dataclass(frozen=True)
class LogLine:
    """One line; a file on this machine does not say when."""

    text: str
    at: datetime | None = None

    def as_json(self) -> str:
        """Return the line for machines."""
        return json.dumps({"at": self.at.isoformat() if self.at else None, "text": self.text})

    def __str__(self) -> str:
        return self.text if self.at is None else f"{self.at:%Y-%m-%d %H:%M:%S}  {self.text}"


def function_of(step: str, project: Path) -> str:
    """Return the end of the function's name that a state calls.

    Raises: ArgumentInvalidError naming the states that have a log.
    """
    states = json.loads((project / WORKFLOW).read_text(encoding="utf-8"))["States"]
    called = {name: _RESOURCE.fullmatch(state.get("Resource", "")) for name, state in states.items()}
    functions = {name: _hyphenated(match.group(1)) for name, match in called.items() if match} | OUTSIDE
    if step not in functions:
        raise ArgumentInvalidError(f"--step takes one of {', '.join(functions)}; the training's log needs no --step")
    return functions[step]


@dataclass(frozen=True)
class LogRequest:
    """Which lines are wanted."""

    step: str | None = None
    last: int | None = None
    is_followed: bool = False


def log_lines(run: FoundRun, request: LogRequest, pause: Callable[[float], None] = time.sleep) -> Iterator[LogLine]:
    """Yield what the run's training logged, or the step that is named, the oldest line first.

    Raises: ArgumentInvalidError for an unknown step, LogMissingError when there is nothing to show.
    """
    function = function_of(request.step, find_project()) if request.step else None
    if isinstance(run, KeptRun):
        yield from _existing(run.run_id, _kept_lines(run, function), request)
        return
    assert isinstance(run, StackRun)  # noqa: S101 - there are two kinds of place
    log = CloudLog(run, function)
    if not request.is_followed or not run.is_running:
        yield from _existing(run.run_id, list(log.new_lines()), request)
        return
    yield from list(log.new_lines())[-(request.last or 0) :]
    while run.is_running:
        pause(FOLLOW_SECONDS)
        yield from log.new_lines()


def _existing(run_id: str, lines: list[LogLine], request: LogRequest) -> list[LogLine]:
    if not lines:
        what = request.step or "the training"
        raise LogMissingError(f"Run {run_id} has no log of {what}")
    return lines[-(request.last or 0) :]


class CloudLog:
    """One log in CloudWatch, read from where the last look ended."""

    def __init__(self, run: StackRun, function: str | None) -> None:
        self._run = run
        self._function = function
        description = run.execution.description()
        self._since = description["startDate"]
        self._until = description["stopDate"] + LAST_WORDS if description.get("stopDate") else None
        self._seen: set[str] = set()

    def new_lines(self) -> Iterator[LogLine]:
        """Yield what has come since the last look."""
        logs = self._run.stack.account.client("logs")
        try:
            for page in logs.get_paginator("filter_log_events").paginate(**self._request()):
                yield from self._unseen(page["events"])
        except logs.exceptions.ResourceNotFoundException:
            return

    def _unseen(self, events: list[dict[str, Any]]) -> Iterator[LogLine]:
        for event in events:
            if event["eventId"] not in self._seen:
                self._seen.add(event["eventId"])
                at = datetime.fromtimestamp(event["timestamp"] / 1000, UTC)
                yield LogLine(event["message"].rstrip("\n"), at)

    def _request(self) -> dict[str, Any]:
        request: dict[str, Any] = {"startTime": _milliseconds(self._since)}
        request |= {"endTime": _milliseconds(self._until)} if self._until else {}
        if self._function is None:
            group = self._run.stack.outputs["TrainingLogGroupName"]
            return request | {"logGroupName": group, "logStreamNames": [self._run.run_id]}
        request["logGroupName"] = f"/aws/lambda/{self._run.stack.name}-{self._function}"
        # the functions of the workflow log the run's id in every line; those outside it see to the whole stack
        is_outside = self._function in OUTSIDE.values()
        return request if is_outside else request | {"filterPattern": f'"{self._run.run_id}"'}


def _kept_lines(run: KeptRun, function: str | None) -> list[LogLine]:
    logs = run.directory / "logs"
    file = logs / "training.log"
    if function is not None:
        file = next(iter(sorted((logs / "lambda").glob(f"*-{function}.log"))), logs / "absent.log")
    if not file.is_file():
        return []
    return [LogLine(text) for text in file.read_text(encoding="utf-8", errors="replace").splitlines()]


def _hyphenated(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()


def _milliseconds(when: datetime) -> int:
    return int(when.timestamp() * 1000)
