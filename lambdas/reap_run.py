"""ReapRun: told of every execution that was aborted, timed out or failed, it makes sure that its instance is stopped.

It acts only on the instance of the very execution that the event names, and only while that one holds the lease: a late
event of one run never stops another's. Where it cannot verify the stop it fails, and Lambda tries it again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import Field
from slm_core import clock
from slm_core.card import failure_card
from slm_core.documents import find_record
from slm_core.environment import Environment, environment
from slm_core.errors import AwsUnavailableError, InstanceStillRunningError, leaves
from slm_core.failure import without_instance
from slm_core.failure_record import record_failure
from slm_core.layout import RUN_ID_PATTERN, RunKeys
from slm_core.lease import Lease, LeaseTable, is_running
from slm_core.notices import tell
from slm_core.records import RunRecord
from slm_core.run_record import NEVER_STARTED
from slm_core.state import Execution, Failure, FailureInput, Passed
from slm_core.step import step
from slm_core.stopping import stop_instance
from slm_core.store import ObjectStore

# longer than StartInstance may run: it goes on when its execution is stopped
IN_FLIGHT = timedelta(minutes=2)
NOT_HELD = "not_held"
_ERRORS = {"ABORTED": "ExecutionAbortedError", "TIMED_OUT": "ExecutionTimedOutError", "FAILED": "ExecutionFailedError"}


class Ended(Passed):
    """The part of EventBridge's status change that matters."""

    execution_arn: str = Field(alias="executionArn", pattern=r"^arn:[\w-]+:states:")
    name: str
    status: Literal["ABORTED", "TIMED_OUT", "FAILED"]
    error: str | None = None
    started_at: datetime | None = Field(default=None, alias="startDate")


@step
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Return the state in which the instance was seen last."""
    return {"state": reap(Ended.model_validate(event.get("detail")), environment())}


def reap(ended: Ended, env: Environment) -> str:
    """Return the state of the instance after stopping it, if the ended execution holds it.

    Raises: InstanceStillRunningError, AwsUnavailableError, to be tried again.
    """
    if not RUN_ID_PATTERN.fullmatch(ended.name):
        return NEVER_STARTED
    leases = LeaseTable(env.lease_table)
    lease = leases.read()
    state = NOT_HELD
    if lease.owner_arn == ended.execution_arn:
        state = _stop_and_record(ended, lease, leases, env)
    elif not lease.is_held_by(ended.name):
        # the sweeper may have been first, or the workflow could not write the record: one that is there stays
        record_failure(_failure(ended, None), env)
    _tell(ended, env)
    return state


def _tell(ended: Ended, env: Environment) -> None:
    """Send the failure card; the record in it says whether the instance was seen stopped."""
    record = _record_of(ended, env)
    tell(env.topic_arn, *failure_card(ended.name, ended.status, record))


def _stop_and_record(ended: Ended, lease: Lease, leases: LeaseTable, env: Environment) -> str:
    if is_running(ended.execution_arn):
        raise AwsUnavailableError(f"Step Functions says that run {ended.name} has ended and that it is running")
    record = _record_of(ended, env)
    failure = _failure(ended, record)
    try:
        state = stop_instance(ended.name, leases).state
        _look_again_after_a_start(lease)
    except InstanceStillRunningError:
        # should no further look come to an end, there is a record all the same, and the lease stays for the sweeper
        if record is None:
            record_failure(failure, env, keep_lease=True)
            _tell(ended, env)
        raise
    record_failure(failure, env)
    return state


def _record_of(ended: Ended, env: Environment) -> RunRecord | None:
    return find_record(ObjectStore(env.bucket_name), RunKeys(ended.name))


def _look_again_after_a_start(lease: Lease) -> None:
    """Raise while a StartInstance that outlived its execution may still start the instance."""
    if lease.start_requested_at and clock.now() - lease.start_requested_at < IN_FLIGHT:
        raise InstanceStillRunningError(f"Instance {lease.instance_id} may be starting still")


def _failure(ended: Ended, record: RunRecord | None) -> FailureInput:
    if record and record.failure:
        # the workflow recorded why it failed, and kept the lease because it had not seen the instance stopped
        failure = Failure(Error=record.failure.error, Cause=without_instance(record.failure.cause))
    else:
        name = ended.error if ended.error in leaves() else _ERRORS[ended.status]
        how = f"{ended.status}, {ended.error}" if ended.error and ended.error.startswith("States.") else ended.status
        error = leaves()[name](f"The workflow itself could not record how the run ended ({how})")
        failure = Failure(Error=name, Cause=str(error))
    execution = Execution(arn=ended.execution_arn, name=ended.name, started_at=ended.started_at or clock.now())
    return FailureInput(execution=execution, failure=failure)
