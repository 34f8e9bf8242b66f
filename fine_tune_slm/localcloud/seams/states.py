"""Step Functions: waits can be scaled, and AWS's limits and names hold.

moto sleeps for real in Wait and Retry, takes an input of any size and any name, keeps any number of events, and calls
Lambda with made-up keys on a host name that may resolve to IPv6 first.
"""

from __future__ import annotations

import json
import re
import threading
import time
import uuid
from collections.abc import Callable
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.stepfunctions.exceptions import InvalidName, ValidationException
from moto.stepfunctions.models import StateMachine
from moto.stepfunctions.parser.api import ExecutionFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.common.retry.retrier_decl import RetrierDecl
from moto.stepfunctions.parser.asl.component.state import state as state_module
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend, stepfunctions_parser_backends
from moto.stepfunctions.responses import get_backend
from moto.stepfunctions.utils import cfn_to_api_tags

from fine_tune_slm.localcloud.seams.seam import Seam

MAX_PAYLOAD_BYTES = 262_144
MAX_EVENTS = 25_000
MAX_NAME_CHARACTERS = 80
_LOOK_AGAIN_SECONDS = 0.5
_FORBIDDEN_IN_A_NAME = re.compile(r"[\s<>{}\[\]?*\"#%\\^|~`$&,;:/\x00-\x1f\x7f-\x9f]")
_UNCATCHABLE = ("States.Runtime", "States.DataLimitExceeded")

ClientFor = Callable[[str, str | None], Any]


class RetryTime:
    """The part of `time` that Retry uses: sleeps are multiplied by a factor, and end when the execution does."""

    def __init__(self, scale: float) -> None:
        self._scale = scale
        self._sleeper = threading.local()

    def sleep(self, seconds: float) -> None:
        """Sleep for the scaled number of seconds, or until the execution of this thread has been stopped."""
        _wait(self._sleeper.env, seconds * self._scale)

    def knowing_whose_sleep(self, original: Callable[..., None]) -> Callable[..., None]:
        """Return Retry's evaluation with the execution noted: moto sleeps without saying for whom."""

        def eval_body(retrier: RetrierDecl, env: Environment) -> None:
            self._sleeper.env = env
            original(retrier, env)

        return eval_body


def seams(wait_scale: float, client_for: ClientFor) -> list[Seam]:
    """Return the seams of Step Functions; `client_for(service, role_arn)` is how a Task calls AWS."""
    retry_time = RetryTime(wait_scale)
    start_parameters = ("self", "state_machine_arn", "name", "execution_input", "trace_header")
    create_parameters = ("cls", "resource_name", "cloudformation_json", "account_id", "region_name", "kwargs")
    client_parameters = ("region", "service", "state_credentials")
    return [
        *limit_seams(),
        Seam(WaitFunction, "_wait_interval", ("self", "env", "wait_seconds"), lambda _: _scaled_wait(wait_scale)),
        Seam(retrier_decl, "time", (), lambda _: retry_time),
        Seam(RetrierDecl, "_eval_body", ("self", "env"), retry_time.knowing_whose_sleep),
        Seam(StepFunctionsParserBackend, "start_execution", start_parameters, _checked_start),
        Seam(
            StateMachine, "create_from_cloudformation_json", create_parameters, lambda _: classmethod(_create_machine)
        ),
        Seam(
            StateMachine,
            "delete_from_cloudformation_json",
            create_parameters[:-1],
            lambda _: classmethod(_delete_machine),
        ),
        Seam(Execution, "get_start_execution_details", ("self",), _start_time_as_text),
        Seam(lambda_eval_utils, "boto_client_for", client_parameters, lambda _: _role_client(client_for)),
    ]


def limit_seams() -> list[Seam]:
    """Return the seams that hold AWS's limits and its rules of what can be caught, whatever the time goes by."""
    event_parameters = ("self", "context", "event_type", "event_details", "timestamp", "update_source_event_id")
    return [
        Seam(ErrorEqualsDecl, "_eval_body", ("self", "env"), _never_catching_what_aws_never_catches),
        Seam(EventManager, "add_event", event_parameters, _counted_events),
        Seam(state_module.CommonStateField, "_eval_body", ("self", "env"), _failing_when_history_is_full),
        Seam(state_module, "is_within_size_quota", ("value",), lambda _: is_within_payload_limit),
    ]


def end_seam(has_ended: Callable[[Execution], None]) -> Seam:
    """Return the seam that tells of every execution that has ended."""

    def telling(original: Callable[..., None]) -> Callable[..., None]:
        def terminated(self: BaseExecutionWorkerCommunication) -> None:
            original(self)
            has_ended(self.execution)

        return terminated

    return Seam(BaseExecutionWorkerCommunication, "terminated", ("self",), telling)


def abort_executions(region: str) -> None:
    """Stop every execution that still runs."""
    for execution in _executions(region):
        if execution.status == "RUNNING":
            execution.stop(stop_date=None, error="LocalCloudClosed", cause="The emulated AWS was closed.")


def wait_until_ended(region: str, seconds: float) -> None:
    """Return when no execution runs any more, or when the time is over."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and any(execution.status == "RUNNING" for execution in _executions(region)):
        time.sleep(0.05)


def _executions(region: str) -> list[Any]:
    backend = stepfunctions_parser_backends[DEFAULT_ACCOUNT_ID][region]
    return [execution for machine in backend.state_machines for execution in machine.executions]


def is_within_payload_limit(value: Any) -> bool:
    """Return whether a state's value fits into the 262,144 bytes that AWS passes on."""
    return len(json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str).encode()) <= MAX_PAYLOAD_BYTES


def _scaled_wait(scale: float) -> Callable[..., None]:
    def wait_interval(_self: WaitFunction, env: Environment, wait_seconds: int) -> None:
        _wait(env, wait_seconds * scale)

    return wait_interval


def _wait(env: Environment, seconds: float) -> None:
    end = time.monotonic() + seconds
    while env.is_running() and (left := end - time.monotonic()) > 0:
        # The event is set and cleared at once: whoever looks a moment later must not wait for the whole time.
        env.program_state_event.wait(min(left, _LOOK_AGAIN_SECONDS))


def _never_catching_what_aws_never_catches(original: Callable[..., None]) -> Callable[..., None]:
    def eval_body(self: ErrorEqualsDecl, env: Environment) -> None:
        error_name = getattr(env.stack[-1], "error_name", None)
        original(self, env)
        is_named = error_name in [name.error_name for name in self.error_names]
        if error_name in _UNCATCHABLE and not is_named:
            env.stack[-1] = False

    return eval_body


def _checked_start(original: Callable[..., Any]) -> Callable[..., Any]:
    def start_execution(
        self: StepFunctionsParserBackend,
        state_machine_arn: str,
        name: str | None = None,
        execution_input: str | None = None,
        trace_header: str | None = None,
    ) -> Any:
        if name is not None and (len(name) > MAX_NAME_CHARACTERS or not name or _FORBIDDEN_IN_A_NAME.search(name)):
            raise InvalidName(f"Invalid Name: '{name}'")
        if execution_input is not None and len(execution_input.encode()) > MAX_PAYLOAD_BYTES:
            raise ValidationException(
                "1 validation error detected: Value at 'input' failed to satisfy constraint: "
                f"Member must have length less than or equal to {MAX_PAYLOAD_BYTES}",
            )
        return original(self, state_machine_arn, name or str(uuid.uuid4()), execution_input, trace_header)

    return start_execution


def _start_time_as_text(original: Callable[..., Any]) -> Callable[..., Any]:
    # the context object's StartTime is text in AWS; moto's datetime would break DescribeExecution once it is passed on
    def get_start_execution_details(self: Execution) -> Any:
        details = original(self)
        details.start_time = self.start_date.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return details

    return get_start_execution_details


def _delete_machine(
    _cls: type[StateMachine], resource_name: str, _cloudformation_json: dict[str, Any], account_id: str, region: str
) -> None:
    """Delete from the backend that executes, where _create_machine puts it."""
    stepfunctions_parser_backends[account_id][region].delete_state_machine(resource_name)


def _create_machine(
    _cls: type[StateMachine],
    resource_name: str,
    cloudformation_json: dict[str, Any],
    account_id: str,
    region_name: str,
    **_kwargs: Any,
) -> StateMachine:
    properties = cloudformation_json["Properties"]
    return get_backend(account_id, region_name).create_state_machine(
        properties.get("StateMachineName", resource_name),
        _definition(properties, account_id),
        properties["RoleArn"],
        tags=cfn_to_api_tags(properties.get("Tags", [])),
        loggingConfiguration=properties.get("LoggingConfiguration"),
        tracingConfiguration=properties.get("TracingConfiguration"),
        sm_type=properties.get("StateMachineType"),
    )


def _definition(properties: dict[str, Any], account_id: str) -> str:
    if "DefinitionString" in properties:
        text = str(properties["DefinitionString"])
    elif "DefinitionS3Location" in properties:
        location = properties["DefinitionS3Location"]
        stored: Any = s3_backends[account_id]["aws"].get_object(location["Bucket"], location["Key"])
        text = stored.value.decode()
    else:
        text = json.dumps(properties["Definition"])
    for name, value in (properties.get("DefinitionSubstitutions") or {}).items():
        text = text.replace(f"${{{name}}}", str(value))
    return text


def _counted_events(original: Callable[..., int]) -> Callable[..., int]:
    def add_event(self: EventManager, context: Any, event_type: Any, *arguments: Any, **named: Any) -> int:
        # The last event that AWS records is the one that says how the execution ended.
        is_last_word = str(getattr(event_type, "value", event_type)).startswith("Execution")
        if len(self._history_event_list) >= MAX_EVENTS - 1 and not is_last_word:
            return context.last_published_event_id
        return original(self, context, event_type, *arguments, **named)

    return add_event


def _failing_when_history_is_full(original: Callable[..., None]) -> Callable[..., None]:
    def eval_body(self: Any, env: Environment) -> None:
        original(self, env)
        if len(env.event_manager._history_event_list) >= MAX_EVENTS - 1:
            cause = f"The execution reached the maximum number of history events ({MAX_EVENTS})."
            env.set_error(ExecutionFailedEventDetails(error="States.Runtime", cause=cause))

    return eval_body


def _role_client(client_for: ClientFor) -> Callable[..., Any]:
    def boto_client_for(region: str, service: str, state_credentials: Any = None) -> Any:
        del region
        return client_for(service, getattr(state_credentials, "role_arn", None))

    return boto_client_for
