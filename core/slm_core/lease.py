"""The lease on the GPU instance: who may touch it, under which fence, and what the run has used of it.

One DynamoDB item for the stack's one instance. The fence grows with every owner and stays when the lease is released,
so that a late effect of an earlier owner is told from one of the present owner. Every write is conditional on both.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError
from pydantic import Field

from slm_core import clock
from slm_core.aws import client, error_code, table
from slm_core.errors import InstanceBusyError, LeaseLostError
from slm_core.training_config import Frozen

LEASE_NAME = "gpu-instance"
# longer than a healthy run can be silent: every Retry of a polling state used up (a test of the workflow adds them)
TERM = timedelta(minutes=75)
# DescribeExecution is eventually consistent: it may not know an execution that has just begun
JUST_TAKEN = timedelta(minutes=2)
_KEY = {"lease_name": LEASE_NAME}
_IS_OURS = "run_id = :run_id AND fence = :fence"


class Owner(Frozen):
    """Who asks for the lease, and on which instance."""

    arn: str
    run_id: str
    instance_id: str


class Launch(Frozen):
    """One start of the instance, for as long as it ran."""

    instance_type: str
    launched_at: datetime
    stopped_at: datetime | None = None


class SentCommand(Frozen):
    """The training command of one launch."""

    command_id: str
    launched_at: datetime
    sent_at: datetime


class Lease(Frozen):
    """The lease as it lies in the table."""

    model_config = Frozen.model_config | {"extra": "ignore"}

    fence: int = 0
    owner_arn: str | None = None
    run_id: str | None = None
    instance_id: str | None = None
    acquired_at: datetime | None = None
    heartbeat_at: datetime | None = None
    lease_until: datetime | None = Field(default=None, description="Without another heartbeat the lease ends then.")
    start_requested_at: datetime | None = Field(default=None, description="Set when seen stopped; cleared by the stop.")
    deadline_at: datetime | None = None
    launches: dict[str, Launch] = Field(default_factory=dict, description="By launch time.")
    losses: dict[str, str] = Field(default_factory=dict, description="Why a launch or command was lost, by its key.")
    command: SentCommand | None = None
    is_taken_over: bool = Field(default=False, description="The last owner never released it: its instance may run.")

    def is_held_by(self, run_id: str) -> bool:
        """Return whether this run holds the lease."""
        return self.owner_arn is not None and self.run_id == run_id

    @property
    def ordered_launches(self) -> tuple[Launch, ...]:
        """The run's launches, oldest first."""
        return tuple(sorted(self.launches.values(), key=lambda launch: launch.launched_at))


class LeaseTable:
    """The table with the lease."""

    def __init__(self, name: str) -> None:
        self._table = table(name)

    def read(self) -> Lease:
        """Return the lease as it is now; a free one has no owner."""
        item = self._table.get_item(Key=_KEY, ConsistentRead=True).get("Item", {})
        return Lease.model_validate({key: _plain(value) for key, value in item.items()})

    def acquire(self, owner: Owner) -> Lease:
        """Return the lease taken for the owner, with a fence of its own; taking it twice changes nothing.

        Raises: InstanceBusyError when an execution that still runs, or that AWS may not know yet, holds it.
        """
        seen = self.read()
        if seen.owner_arn == owner.arn:
            return seen
        if seen.owner_arn and (is_running(seen.owner_arn) or _is_not_known_yet(seen)):
            raise InstanceBusyError(f"Run {seen.run_id} holds the instance")
        try:
            self._take(owner, seen)
        except ClientError as error:
            if error_code(error) == "ConditionalCheckFailedException":
                raise InstanceBusyError("Another run took the instance at the same moment") from error
            raise
        return self.read()

    def require(self, run_id: str, fence: int) -> Lease:
        """Return the lease when this run holds it under this fence.

        Raises: LeaseLostError.
        """
        lease = self.read()
        if not lease.is_held_by(run_id) or lease.fence != fence:
            raise LeaseLostError(f"Run {run_id} no longer holds the instance under fence {fence}")
        return lease

    def request_start(self, run_id: str, fence: int) -> None:
        """Note that the instance, seen stopped, is about to be started by this run."""
        self._write(run_id, fence, "SET start_requested_at = :now", {":now": _now()})

    def forget_start(self, run_id: str, fence: int) -> None:
        """Note that the requested start came to nothing."""
        self._write(run_id, fence, "REMOVE start_requested_at", {})

    def record_launch(self, run_id: str, fence: int, launch: Launch, deadline_at: datetime) -> None:
        """Note a launch and the deadline that follows from it; noting it twice changes nothing."""
        values = {":launch": launch.model_dump(mode="json", exclude_none=True), ":deadline": deadline_at.isoformat()}
        names = {"#key": _launch_key(launch.launched_at)}
        self._write(run_id, fence, "SET launches.#key = :launch, deadline_at = :deadline", values, names)

    def record_stop(self, run_id: str, fence: int, launch: Launch) -> None:
        """Note that the launch has ended; a second note keeps the first time."""
        change = "SET launches.#key.stopped_at = if_not_exists(launches.#key.stopped_at, :now)"
        change += " REMOVE start_requested_at, command"
        self._write(run_id, fence, change, {":now": _now()}, {"#key": _launch_key(launch.launched_at)})

    def record_command(self, run_id: str, fence: int, command: SentCommand) -> None:
        """Note the training command of the present launch."""
        self._write(run_id, fence, "SET command = :command", {":command": command.model_dump(mode="json")})

    def record_loss(self, run_id: str, fence: int, key: str, reason: str) -> int:
        """Note why a command or a launch was lost and return how many were; the same key counts once."""
        self._write(run_id, fence, "SET losses.#key = :reason", {":reason": reason}, {"#key": key})
        return len(self.read().losses)

    def beat(self, run_id: str, fence: int) -> None:
        """Note that the run is alive and holds the lease.

        Raises: LeaseLostError.
        """
        values = {":now": _now(), ":until": _until()}
        self._write(run_id, fence, "SET heartbeat_at = :now, lease_until = :until", values)

    def note_sweep(self, launched_at: datetime) -> datetime:
        """Return when the sweeper first asked this launch to stop; the first note of a launch stays."""
        key = {"lease_name": f"sweep {_launch_key(launched_at)}"}
        found = self._table.update_item(
            Key=key,
            UpdateExpression="SET asked_at = if_not_exists(asked_at, :now)",
            ExpressionAttributeValues={":now": _now()},
            ReturnValues="ALL_NEW",
        )
        return datetime.fromisoformat(str(found["Attributes"]["asked_at"]))

    def release(self, run_id: str, fence: int) -> None:
        """Give the instance back; the fence stays. Releasing twice changes nothing."""
        try:
            change = "SET released_at = :now REMOVE owner_arn, run_id, start_requested_at, lease_until"
            self._write(run_id, fence, change, {":now": _now()})
        except LeaseLostError:
            return

    def _take(self, owner: Owner, seen: Lease) -> None:
        condition = "(attribute_not_exists(fence) OR fence = :seen_fence) AND "
        condition += "owner_arn = :seen_owner" if seen.owner_arn else "attribute_not_exists(owner_arn)"
        values: dict[str, Any] = {":seen_fence": seen.fence, ":fence": seen.fence + 1, ":now": _now(), ":none": {}}
        values |= {":arn": owner.arn, ":run_id": owner.run_id, ":instance_id": owner.instance_id, ":until": _until()}
        values[":is_taken_over"] = seen.owner_arn is not None
        values |= {":seen_owner": seen.owner_arn} if seen.owner_arn else {}
        self._table.update_item(
            Key=_KEY,
            ConditionExpression=condition,
            UpdateExpression="SET fence = :fence, owner_arn = :arn, run_id = :run_id, instance_id = :instance_id, "
            "acquired_at = :now, heartbeat_at = :now, lease_until = :until, launches = :none, losses = :none, "
            "is_taken_over = :is_taken_over "
            "REMOVE start_requested_at, deadline_at, command, released_at",
            ExpressionAttributeValues=values,
        )

    def _write(
        self, run_id: str, fence: int, change: str, values: Mapping[str, Any], names: Mapping[str, str] | None = None
    ) -> None:
        request: dict[str, Any] = {"Key": _KEY, "UpdateExpression": change, "ConditionExpression": _IS_OURS}
        request["ExpressionAttributeValues"] = {**values, ":run_id": run_id, ":fence": fence}
        request |= {"ExpressionAttributeNames": dict(names)} if names else {}
        try:
            self._table.update_item(**request)
        except ClientError as error:
            if error_code(error) == "ConditionalCheckFailedException":
                raise LeaseLostError(f"Run {run_id} no longer holds the instance under fence {fence}") from error
            raise


def is_running(execution_arn: str) -> bool:
    """Return whether an execution still runs; one that AWS no longer knows does not."""
    status = _status(execution_arn)
    return bool(status in {"RUNNING", "PENDING_REDRIVE"})


def _status(execution_arn: str) -> str | None:
    try:
        return str(client("stepfunctions").describe_execution(executionArn=execution_arn)["status"])
    except ClientError as error:
        if error_code(error) == "ExecutionDoesNotExist":
            return None
        raise


def _is_not_known_yet(lease: Lease) -> bool:
    is_just_taken = lease.acquired_at is not None and clock.now() - lease.acquired_at < JUST_TAKEN
    return is_just_taken and lease.owner_arn is not None and _status(lease.owner_arn) is None


def _launch_key(launched_at: datetime) -> str:
    return launched_at.isoformat()


def _now() -> str:
    return clock.now().isoformat()


def _until() -> str:
    return (clock.now() + TERM).isoformat()


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return value
