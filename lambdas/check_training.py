"""CheckTraining: running, succeeded or relaunch; a training that failed is raised under the name it gave itself."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from slm_core import clock, decisions
from slm_core.decisions import HowItGoes
from slm_core.documents import find_outcome, find_progress, read_spec
from slm_core.environment import Environment, environment
from slm_core.errors import DeadlineExceededError, RelaunchesExhaustedError, leaves
from slm_core.instance import Instance
from slm_core.lease import LeaseTable
from slm_core.records import Progress, RunSpec
from slm_core.run_command import CommandPhase, CommandView, RunCommand
from slm_core.run_metrics import show_progress
from slm_core.state import TrainingInput, TrainingState
from slm_core.step import step
from slm_core.store import ObjectStore

APPEARS_WITHIN = timedelta(minutes=1)


@step
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Return the training as this poll sees it."""
    training = Poll(TrainingInput.model_validate(event), environment()).go()
    show_progress(training)
    return training.model_dump(mode="json")


class Poll:
    """One look at the training."""

    def __init__(self, given: TrainingInput, env: Environment) -> None:
        self._run = given.run
        self._launch = given.instance
        self._training = given.training
        self._leases = LeaseTable(env.lease_table)
        self._store = ObjectStore(given.run.bucket)
        self._instance = Instance(given.instance.instance_id)
        self._commands = RunCommand(given.instance.instance_id, given.run.document_name, given.run.log_group)

    def go(self) -> TrainingState:
        """Return the training's state.

        Raises: the leaf that the training names; DeadlineExceededError; RelaunchesExhaustedError; LeaseLostError.
        """
        self._leases.beat(self._run.run_id, self._run.fence)
        spec = read_spec(self._store, self._run.keys)
        # the command first: when it has ended, the outcome read after it is final
        command = self._commands.look(self._training.command_id)
        progress = self._own_progress()
        seen = self._judge(command, progress, spec)
        if seen.status == "failed":
            raise leaves()[seen.error or ""](seen.reason or "")
        if seen.status != "succeeded" and clock.now() >= self._launch.deadline_at:
            raise DeadlineExceededError(f"The deadline {self._launch.deadline_at:%Y-%m-%d %H:%M} UTC has passed")
        relaunches = self._counted(seen, spec) if seen.status == "relaunch" else self._training.relaunches
        return self._training.model_copy(update=_described(seen, progress, relaunches))

    def _judge(self, command: CommandView, progress: Progress | None, spec: RunSpec) -> HowItGoes:
        outcome = find_outcome(self._store, self._run.keys, self._run.fence)
        told = decisions.judge_outcome(outcome) if outcome else decisions.RUNNING
        if told.status != "running":
            return told
        if command.phase in {CommandPhase.SUCCEEDED, CommandPhase.FAILED}:
            return _lost(f"the command ended without an outcome ({command.details})")
        state = self._instance.describe().state
        if state != "running":
            return _lost(f"the instance is {state}")
        is_late = clock.now() - self._training.sent_at > APPEARS_WITHIN
        if command.details == "InvocationDoesNotExist" and is_late:
            return _lost("the command never appeared on the instance")
        limit_minutes = spec.config.limits.stall_minutes
        if decisions.is_stalled(progress, self._training.sent_at, clock.now(), limit_minutes):
            return _lost("the training stalled")
        return decisions.RUNNING

    def _own_progress(self) -> Progress | None:
        progress = find_progress(self._store, self._run.keys)
        return progress if progress and progress.fence == self._run.fence else None

    def _counted(self, seen: HowItGoes, spec: RunSpec) -> int:
        key = f"command {self._training.command_id}"
        losses = self._leases.record_loss(self._run.run_id, self._run.fence, key, seen.reason or "")
        if losses > spec.config.limits.max_relaunches:
            raise RelaunchesExhaustedError(f"The training was lost {losses} times, the last time because {seen.reason}")
        return losses


def _lost(reason: str) -> HowItGoes:
    return HowItGoes(status="relaunch", reason=reason)


def _described(seen: HowItGoes, progress: Progress | None, relaunches: int) -> dict[str, Any]:
    described: dict[str, Any] = {"status": seen.status, "reason": seen.reason, "relaunches": relaunches}
    described["wait_seconds"] = decisions.next_poll_seconds(progress.seconds_left if progress else None)
    if progress:
        described |= {"phase": progress.phase, "step": progress.step, "total_steps": progress.total_steps}
    return described
