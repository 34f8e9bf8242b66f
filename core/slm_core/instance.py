"""The GPU instance: looked at, started, stopped, changed in type and tagged; never run, never terminated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from typing import Any

from botocore.exceptions import ClientError

from slm_core.aws import client, error_code
from slm_core.errors import InstanceChangingError, InstanceRefusedError
from slm_core.training_config import Frozen

_NO_CAPACITY_CODES = {"InsufficientInstanceCapacity", "InsufficientHostCapacity", "InsufficientCapacityOnHost"}
_UNSUITABLE_CODES = {"Unsupported", "UnfulfillableCapacity", "UnsupportedOperation"}
_QUOTA_CODES = {"InstanceLimitExceeded", "VcpuLimitExceeded"}
_CHANGING_CODES = {"IncorrectInstanceState"}
_NO_CAPACITY_REASON = "Server.InsufficientInstanceCapacity"
_GPU_QUOTA = "'Running On-Demand G and VT instances'"


class StartAnswer(StrEnum):
    """What EC2 said to a start."""

    ACCEPTED = "accepted"
    NO_CAPACITY = "no capacity"
    UNSUITABLE = "unsuitable"


class InstanceView(Frozen):
    """What DescribeInstances told."""

    instance_id: str
    instance_type: str
    state: str
    state_reason: str | None
    launched_at: datetime

    @property
    def lacked_capacity(self) -> bool:
        """Whether the last start was accepted and then given up for want of capacity."""
        return self.state == "stopped" and self.state_reason == _NO_CAPACITY_REASON


class Instance:
    """One instance, by its id."""

    def __init__(self, instance_id: str) -> None:
        self.instance_id = instance_id
        self._ec2 = client("ec2")

    def describe(self) -> InstanceView:
        """Return the instance as EC2 sees it now.

        Raises: InstanceRefusedError when it no longer exists.
        """
        try:
            reservations = self._ec2.describe_instances(InstanceIds=[self.instance_id])["Reservations"]
        except ClientError as error:
            if error_code(error).startswith("InvalidInstanceID"):
                raise InstanceRefusedError(f"Instance {self.instance_id} does not exist") from error
            raise
        if not reservations:
            raise InstanceRefusedError(f"Instance {self.instance_id} does not exist")
        return _view(reservations[0]["Instances"][0])

    def change_type(self, instance_type: str) -> bool:
        """Make the stopped instance one of this type and return whether it can be one where it is.

        Raises: InstanceChangingError, InstanceRefusedError naming EC2's code.
        """
        try:
            with _named_refusals(self.instance_id):
                self._ec2.modify_instance_attribute(InstanceId=self.instance_id, InstanceType={"Value": instance_type})
        except ClientError as error:
            if error_code(error) in _UNSUITABLE_CODES:
                return False
            raise
        return True

    def start(self) -> StartAnswer:
        """Ask EC2 to start the instance and return its answer; an accepted start may still fail for want of capacity.

        Raises: InstanceChangingError, InstanceRefusedError naming EC2's code.
        """
        try:
            with _named_refusals(self.instance_id):
                self._ec2.start_instances(InstanceIds=[self.instance_id])
        except ClientError as error:
            if error_code(error) in _NO_CAPACITY_CODES:
                return StartAnswer.NO_CAPACITY
            if error_code(error) in _UNSUITABLE_CODES:
                return StartAnswer.UNSUITABLE
            raise
        return StartAnswer.ACCEPTED

    def stop(self, *, is_forced: bool = False) -> None:
        """Ask EC2 to stop the instance; that it cannot be stopped just now is no error: the caller looks again.

        A forced stop gives the operating system no time: for an instance that does not stop otherwise.
        """
        try:
            self._ec2.stop_instances(InstanceIds=[self.instance_id], Force=is_forced)
        except ClientError as error:
            if error_code(error) not in _CHANGING_CODES:
                raise

    def tag_deadline(self, deadline_at: datetime) -> None:
        """Write the deadline where the host can read it, through the metadata service."""
        tag = {"Key": "deadline", "Value": deadline_at.isoformat()}
        self._ec2.create_tags(Resources=[self.instance_id], Tags=[tag])

    def checks(self) -> str:
        """Return ok, initializing or impaired: the worse of the system's and the instance's status check."""
        found = self._ec2.describe_instance_status(InstanceIds=[self.instance_id], IncludeAllInstances=True)
        statuses = [
            check["Status"]
            for status in found["InstanceStatuses"]
            for check in (status["InstanceStatus"], status["SystemStatus"])
        ]
        if "impaired" in statuses:
            return "impaired"
        return "ok" if statuses and set(statuses) == {"ok"} else "initializing"


@contextmanager
def _named_refusals(instance_id: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        code = error_code(error)
        if code in _CHANGING_CODES:
            raise InstanceChangingError(f"Instance {instance_id} is between two states ({code})") from error
        if code in _QUOTA_CODES:
            raise InstanceRefusedError(f"EC2's quota does not allow it ({code}): raise {_GPU_QUOTA}") from error
        if code == "OperationNotPermitted" or code.startswith("InvalidInstance"):
            raise InstanceRefusedError(f"EC2 refused instance {instance_id} ({code})") from error
        raise


def _view(described: dict[str, Any]) -> InstanceView:
    return InstanceView(
        instance_id=described["InstanceId"],
        instance_type=described["InstanceType"],
        state=described["State"]["Name"],
        state_reason=described.get("StateReason", {}).get("Code"),
        launched_at=described["LaunchTime"],
    )
