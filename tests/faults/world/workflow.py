"""Step Functions on virtual time: moto's own interpreter of the states language, without its waits and threads.

An execution is one task of the timeline. Waits, retries and both kinds of time-out go by the virtual clock.
"""

from __future__ import annotations

import contextlib
import pickle
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from moto.stepfunctions.parser.api import ExecutionStatus
from moto.stepfunctions.parser.asl.component.common.path import result_path
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.common.string import string_expression
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.exec import execute_state
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval import states
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils import json_path
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.backend.execution_worker import ExecutionWorker

from fine_tune_slm.localcloud.seams.seam import Seam, installed
from fine_tune_slm.localcloud.seams.states import limit_seams
from tests.faults.world.timeline import Timeline

# parsing the definition takes a sixth of a run, and a parsed one keeps nothing of an execution
_PARSED = cache(AmazonStateLanguageParser.parse)
# a path's parser is built anew at every use
_PATH, _RESULT_PATH = cache(json_path.parse), cache(result_path.parse)
_COPYING = (states, string_expression, result_path)
StatusChanged = Callable[[Execution, str], None]


class _QuickCopy:
    """Stands in for moto's `copy`: what a state holds is JSON, and pickle copies that in a fifth of the time."""

    @staticmethod
    def deepcopy(value: Any) -> Any:
        return pickle.loads(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))  # noqa: S301 - written in the same line


class WorkflowEngine:
    """Runs executions on a timeline and tells of every change of their status."""

    def __init__(self, timeline: Timeline, function_client: Any, on_status: StatusChanged) -> None:
        self._timeline = timeline
        self._function_client = function_client
        self._on_status = on_status
        self._tasks: dict[int, Any] = {}
        # a function that runs is not cut short when its execution is ended
        self._between_functions: set[Any] = set()
        self._stands_still_until = 0.0

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """Hold the seams in place inside the block."""
        client_parameters = ("region", "service", "state_credentials")
        with installed(
            [
                *limit_seams(),
                Seam(ExecutionWorker, "start", ("self",), lambda _: self._starting()),
                Seam(AmazonStateLanguageParser, "parse", ("definition",), lambda _: staticmethod(_PARSED)),
                Seam(Program, "eval", ("self", "env"), lambda _: self._program()),
                Seam(ExecutionState, "_evaluate_with_timeout", ("self", "env"), lambda _: self._with_timeout()),
                Seam(WaitFunction, "_wait_interval", ("self", "env", "wait_seconds"), lambda _: self._waiting()),
                Seam(retrier_decl, "time", (), lambda _: self),
                *(Seam(module, "copy", (), lambda _: _QuickCopy) for module in _COPYING),
                Seam(json_path, "parse", ("path", "debug"), lambda _: _PATH),
                Seam(result_path, "parse", ("string",), lambda _: _RESULT_PATH),
                Seam(Execution, "get_start_execution_details", ("self",), self._virtual_start),
                Seam(BaseExecutionWorkerCommunication, "terminated", ("self",), self._terminating),
                Seam(lambda_eval_utils, "boto_client_for", client_parameters, lambda _: self._client_for),
            ]
        ):
            yield

    def sleep(self, seconds: float) -> None:
        """Stand in for time.sleep in moto's Retry."""
        task = self._timeline.running
        self._between_functions.add(task)
        try:
            self._timeline.sleep(seconds)
            if self._timeline.seconds() < self._stands_still_until:
                self._timeline.sleep(self._stands_still_until - self._timeline.seconds())
        finally:
            self._between_functions.discard(task)

    def stand_still(self, seconds: float) -> None:
        """Let no execution get on from its next wait before this time is over; all of them stay RUNNING."""
        self._stands_still_until = self._timeline.seconds() + seconds

    def end(self, execution: Execution, status: ExecutionStatus) -> None:
        """End an execution from outside: aborted, timed out, or failed in the service itself; nothing is caught then.

        A function that runs goes on, as on AWS.
        """
        if execution.exec_status is not ExecutionStatus.RUNNING:
            return
        env = execution.exec_worker.env
        if status is ExecutionStatus.TIMED_OUT:
            env.set_timed_out()
        elif status is ExecutionStatus.FAILED:
            execution.error, execution.cause = "States.Runtime", "An error that no Catch can catch"
            env.set_error({"error": execution.error, "cause": execution.cause})
        else:
            env.set_stop(stop_date=self._timeline.now, cause="stopped from outside", error="Aborted")
        self._ended(execution, status)
        task = self._tasks.get(id(execution.exec_worker))
        if task in self._between_functions:
            self._timeline.wake(task)

    def _ended(self, execution: Execution, status: ExecutionStatus) -> None:
        execution.exec_status = status
        execution.stop_date = self._timeline.now
        self._on_status(execution, status.value)

    def _starting(self) -> Callable[[ExecutionWorker], None]:
        def start(worker: ExecutionWorker) -> None:
            def logic() -> None:
                self._tasks[id(worker)] = self._timeline.running
                worker._execution_logic()

            self._timeline.spawn(f"execution {worker._evaluation_details.execution_details.name}", logic)

        return start

    def _program(self) -> Callable[..., None]:
        def evaluate(program: Program, env: Environment) -> None:
            limit = program.timeout_seconds.timeout_seconds if program.timeout_seconds else None
            env.next_state_name = program.start_at.start_at_name
            execution = _execution_of(env)
            if limit:
                self._timeline.after(limit, lambda: self.end(execution, ExecutionStatus.TIMED_OUT))
            EvalComponent.eval(program, env)

        return evaluate

    def _with_timeout(self) -> Callable[..., None]:
        timeline = self._timeline

        def evaluate(state: ExecutionState, env: Environment) -> None:
            state.timeout.eval(env=env)
            limit_seconds = env.stack.pop()
            frame = env.open_frame()
            frame.states.reset(input_value=env.states.get_input())
            frame.stack = _QuickCopy.deepcopy(env.stack)
            began = timeline.seconds()
            self._function_client.wait_at_most(limit_seconds)
            try:
                state._eval_execution(frame)
            finally:
                frame.set_ended()
                env.close_frame(frame)
            if timeline.seconds() - began > limit_seconds:
                raise execute_state.EvalTimeoutError
            env.stack.append(frame.stack[-1])
            if state.assign_decl:
                state.assign_decl.eval(env=env)
            if state.result_selector:
                state.result_selector.eval(env=env)
            if state.result_path:
                state.result_path.eval(env)
            else:
                env.states.reset(input_value=env.stack.pop())

        return evaluate

    def _waiting(self) -> Callable[..., None]:
        def wait(_self: WaitFunction, env: Environment, wait_seconds: int) -> None:
            if env.is_running():
                self.sleep(wait_seconds)

        return wait

    def _virtual_start(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def get_start_execution_details(execution: Execution) -> Any:
            execution.start_date = self._timeline.now
            details = original(execution)
            details.start_time = self._timeline.now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
            return details

        return get_start_execution_details

    def _terminating(self, original: Callable[..., None]) -> Callable[..., None]:
        def terminated(communication: BaseExecutionWorkerCommunication) -> None:
            execution = communication.execution
            if execution.exec_status is not ExecutionStatus.RUNNING:
                return  # ended from outside already
            original(communication)
            self._ended(execution, execution.exec_status)

        return terminated

    def _client_for(self, region: str, service: str, state_credentials: Any = None) -> Any:
        del region, service, state_credentials
        return self._function_client


def _execution_of(env: Environment) -> Execution:
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.stepfunctions.parser.models import stepfunctions_parser_backends

    arn = env.states.context_object.context_object_data["Execution"]["Id"]
    backend = stepfunctions_parser_backends[DEFAULT_ACCOUNT_ID]["us-east-1"]
    return next(run for machine in backend.state_machines for run in machine.executions if run.exec_arn == arn)
