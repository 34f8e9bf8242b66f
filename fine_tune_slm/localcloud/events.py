"""EventBridge and its Scheduler, where moto keeps rules and schedules but acts on none that leads to a function.

A function that fails is tried twice more, after one minute and two, as Lambda does; there is no failure queue here.
"""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.events.models import events_backends
from moto.events.utils import EventMessageType
from moto.scheduler.models import Schedule, scheduler_backends

from fine_tune_slm.localcloud.clients import Clients

_PAUSES_SECONDS = (60.0, 120.0)
_SHORTEST_SECONDS = 2.0
_CLOSE_SECONDS = 10.0
_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}


class EventBridge:
    """Invokes the functions that rules and schedules name; times are scaled like the workflow's waits."""

    def __init__(self, clients: Clients, region: str, scale: float) -> None:
        self._clients = clients
        self._region = region
        self._scale = scale
        self._closed = threading.Event()
        self._is_awaited = threading.Event()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._started: set[str] = set()

    def execution_ended(self, execution: Any) -> None:
        """Send the status change of an execution to every function that a rule names for it."""
        event = status_change(execution, self._region)
        for rule in list(events_backends[DEFAULT_ACCOUNT_ID][self._region].event_buses["default"].rules.values()):
            if rule.state == "ENABLED" and rule.event_pattern.matches_event(event):
                for target in rule.targets:
                    self._run(self._deliver, target["Arn"], event)

    def start_schedules(self) -> None:
        """Begin to invoke what the enabled schedules with a rate name, once each; others only stand there."""
        for group in scheduler_backends[DEFAULT_ACCOUNT_ID][self._region].schedule_groups.values():
            for schedule in group.schedules.values():
                rate = _RATE.fullmatch(schedule.schedule_expression)
                is_new = schedule.arn not in self._started
                if rate and is_new and schedule.state == "ENABLED" and ":lambda:" in schedule.target["Arn"]:
                    self._started.add(schedule.arn)
                    self._run(self._repeat, schedule, int(rate[1]) * _SECONDS[rate[2]] * self._scale)

    def fire(self, schedule_name: str) -> str:
        """Return the ARN of the execution that a schedule has just started, or of the function that it has invoked.

        Raises: KeyError when no schedule has this name; ClientError when its role may not start executions.
        """
        groups = scheduler_backends[DEFAULT_ACCOUNT_ID][self._region].schedule_groups.values()
        schedules = {schedule.name: schedule for group in groups for schedule in group.schedules.values()}
        target = schedules[schedule_name].target
        if ":lambda:" in target["Arn"]:
            self._invoke(schedules[schedule_name])
            return str(target["Arn"])
        states = self._clients.get("stepfunctions", target["RoleArn"])
        return str(states.start_execution(stateMachineArn=target["Arn"], input=target["Input"])["executionArn"])

    def hasten(self) -> None:
        """Try again at once, from now on, where a function has failed: somebody waits for it."""
        self._is_awaited.set()

    def close(self) -> None:
        """Send nothing more and wait for what is on its way."""
        with self._lock:
            self._closed.set()
        self._is_awaited.set()
        end = time.monotonic() + _CLOSE_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _run(self, work: Any, *arguments: Any) -> None:
        thread = threading.Thread(target=work, args=arguments, name="events", daemon=True)
        with self._lock:
            if not self._closed.is_set():
                thread.start()
                self._threads = [one for one in self._threads if one.is_alive()] + [thread]

    def _repeat(self, schedule: Schedule, seconds: float) -> None:
        while not self._closed.wait(max(seconds, _SHORTEST_SECONDS)):
            self._invoke(schedule)

    def _invoke(self, schedule: Schedule) -> None:
        event = {"source": "aws.scheduler", "detail-type": "Scheduled Event", "resources": [schedule.arn]}
        self._deliver(schedule.target["Arn"], event, schedule.target["RoleArn"])

    def _deliver(self, function_arn: str, event: Mapping[str, Any], role_arn: str | None = None) -> None:
        for pause_seconds in (0.0, *_PAUSES_SECONDS):
            self._is_awaited.wait(pause_seconds * self._scale)
            if self._closed.is_set() or self._has_succeeded(function_arn, event, role_arn):
                return

    def _has_succeeded(self, function_arn: str, event: Mapping[str, Any], role_arn: str | None) -> bool:
        try:
            payload = json.dumps(event).encode()
            answer = self._clients.get("lambda", role_arn).invoke(FunctionName=function_arn, Payload=payload)
        except (ClientError, BotoCoreError):
            return False
        return "FunctionError" not in answer


def status_change(execution: Any, region: str) -> EventMessageType:
    """Return the event that EventBridge sends of an execution that has ended, in AWS's shape; times in milliseconds.

    Source: https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
    """
    has_output = execution.output is not None
    detail = {
        "executionArn": execution.exec_arn,
        "stateMachineArn": execution.state_machine.arn,
        "name": execution.name,
        "status": execution.exec_status.value,
        "startDate": _milliseconds(execution.start_date),
        "stopDate": _milliseconds(execution.stop_date),
        "input": json.dumps(execution.input_data),
        "inputDetails": {"included": True},
        "output": json.dumps(execution.output) if has_output else None,
        "outputDetails": {"included": True} if has_output else None,
        "error": execution.error,
        "cause": execution.cause,
    }
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "account": DEFAULT_ACCOUNT_ID,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "region": region,
        "resources": [execution.exec_arn],
        "detail": detail,
    }


def _milliseconds(when: datetime) -> int:
    return int(when.timestamp() * 1000)
