"""StartTraining: one command a launch, with ids, the URI of run.json and the host files' digests; nothing else."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from slm_core import clock
from slm_core.decisions import UNKNOWN_POLL_SECONDS
from slm_core.environment import Environment, environment
from slm_core.errors import DeadlineExceededError
from slm_core.host_files import publish_host_files
from slm_core.lease import Lease, LeaseTable, SentCommand
from slm_core.run_command import MAX_EXECUTION_SECONDS, Order, RunCommand
from slm_core.state import InstanceInput, TrainingState
from slm_core.step import step
from slm_core.store import ObjectStore

_SHORTEST_SECONDS = 60


@step
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Return the training that has been started."""
    given = InstanceInput.model_validate(event)
    return start_training(given, environment()).model_dump(mode="json")


def start_training(given: InstanceInput, env: Environment) -> TrainingState:
    """Return the training of this launch; a second call finds the command of the first.

    Raises: CommandUndeliverableError, to be tried again; DeadlineExceededError; LeaseLostError.
    """
    run, instance, leases = given.run, given.instance, LeaseTable(env.lease_table)
    leases.beat(run.run_id, run.fence)
    lease = leases.require(run.run_id, run.fence)
    command = lease.command
    if command is None or command.launched_at != instance.launched_at:
        store, seconds_left = ObjectStore(run.bucket), _seconds_left(given)
        order = _order(given, seconds_left, publish_host_files(store, env.host_files_dir))
        # the last launch's outcome must not be taken for this one's
        store.delete(run.keys.outcome)
        command_id = RunCommand(instance.instance_id, run.document_name, run.log_group).send(order)
        command = SentCommand(command_id=command_id, launched_at=instance.launched_at, sent_at=clock.now())
        leases.record_command(run.run_id, run.fence, command)
    return _started(command, lease)


def _seconds_left(given: InstanceInput) -> int:
    seconds_left = int((given.instance.deadline_at - clock.now()).total_seconds())
    if seconds_left <= 0:
        raise DeadlineExceededError(f"The deadline {given.instance.deadline_at:%Y-%m-%d %H:%M} UTC passed too early")
    return seconds_left


def _order(given: InstanceInput, seconds_left: int, host_files: tuple[str, ...]) -> Order:
    return Order(
        action="train",
        run_id=given.run.run_id,
        fence=given.run.fence,
        run_uri=given.run.run_uri,
        execution_timeout_seconds=min(max(seconds_left, _SHORTEST_SECONDS), MAX_EXECUTION_SECONDS),
        host_files=host_files,
        deadline_at=given.instance.deadline_at,
    )


def _started(command: SentCommand, lease: Lease) -> TrainingState:
    return TrainingState(
        command_id=command.command_id,
        sent_at=command.sent_at,
        wait_seconds=UNKNOWN_POLL_SECONDS,
        relaunches=len(lease.losses),
    )
