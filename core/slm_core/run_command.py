"""Run Command: the agent, our one document, and what became of a command that was sent."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

from botocore.exceptions import ClientError
from pydantic import Field

from slm_core.aws import client, error_code
from slm_core.errors import CommandUndeliverableError
from slm_core.training_config import Frozen

MAX_EXECUTION_SECONDS = 172_800
_DELIVERY_SECONDS = 120
_UNREACHABLE_CODES = {"InvalidInstanceId", "InvalidInstanceInformationFilterValue"}
_ON_ITS_WAY = {"pending", "inprogress", "delayed", "cancelling"}


class Order(Frozen):
    """One command of our document; ids, a URI and digests, never content."""

    action: Literal["probe", "train", "stop"]
    run_id: str
    fence: int
    run_uri: str
    execution_timeout_seconds: int = Field(ge=5, le=MAX_EXECUTION_SECONDS)
    host_files: tuple[str, ...] = Field(default=(), description="Files that the host installs first, as DIGEST/NAME.")
    deadline_at: datetime | None = Field(default=None, description="When a training must have saved and ended.")


class CommandPhase(StrEnum):
    """Where a command stands."""

    UNKNOWN = "unknown"
    UNDER_WAY = "under way"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


class CommandView(Frozen):
    """What became of a command."""

    phase: CommandPhase
    details: str
    output: str = ""


class RunCommand:
    """The agent of one instance, addressed through our document."""

    def __init__(self, instance_id: str, document_name: str, log_group: str) -> None:
        self._instance_id = instance_id
        self._document_name = document_name
        self._log_group = log_group
        self._ssm = client("ssm")

    def agent_is_online_since(self, launched_at: datetime) -> bool:
        """Return whether the agent has reported after the launch; an older ping is from an earlier boot."""
        filters = [{"Key": "InstanceIds", "Values": [self._instance_id]}]
        found = self._ssm.describe_instance_information(Filters=filters)["InstanceInformationList"]
        return any(agent["PingStatus"] == "Online" and agent["LastPingDateTime"] > launched_at for agent in found)

    def send(self, order: Order) -> str:
        """Send an order and return the command's id. There is no client token: sending twice runs it twice.

        Raises: CommandUndeliverableError when the agent is not there.
        """
        try:
            sent = self._ssm.send_command(
                InstanceIds=[self._instance_id],
                DocumentName=self._document_name,
                Comment=f"{order.action} {order.run_id}"[:100],
                Parameters=_parameters(order),
                TimeoutSeconds=_DELIVERY_SECONDS,
                CloudWatchOutputConfig={"CloudWatchLogGroupName": self._log_group, "CloudWatchOutputEnabled": True},
            )
        except ClientError as error:
            if error_code(error) in _UNREACHABLE_CODES:
                raise CommandUndeliverableError(f"The agent of {self._instance_id} takes no command") from error
            raise
        return str(sent["Command"]["CommandId"])

    def look(self, command_id: str) -> CommandView:
        """Return what became of a command; unknown right after it was sent, and for a status that we do not know."""
        try:
            found = self._ssm.get_command_invocation(CommandId=command_id, InstanceId=self._instance_id)
        except ClientError as error:
            if error_code(error) == "InvocationDoesNotExist":
                return CommandView(phase=CommandPhase.UNKNOWN, details="InvocationDoesNotExist")
            raise
        details = str(found["StatusDetails"]).replace(" ", "")
        return CommandView(phase=_phase(details), details=details, output=found.get("StandardOutputContent", ""))


def _phase(details: str) -> CommandPhase:
    if details.lower() in _ON_ITS_WAY:
        return CommandPhase.UNDER_WAY
    if details.lower() == "success":
        return CommandPhase.SUCCEEDED
    return CommandPhase.FAILED if details.lower() in _ENDED_BADLY else CommandPhase.UNKNOWN


_ENDED_BADLY = {
    "accessdenied",
    "cancelled",
    "deliverytimedout",
    "executiontimedout",
    "failed",
    "invalidplatform",
    "terminated",
    "timedout",
    "undeliverable",
}


def _parameters(order: Order) -> dict[str, list[str]]:
    return {
        "Action": [order.action],
        "RunId": [order.run_id],
        "Fence": [str(order.fence)],
        "RunUri": [order.run_uri],
        "ExecutionTimeoutSeconds": [str(order.execution_timeout_seconds)],
        **({"HostFiles": [" ".join(order.host_files)]} if order.host_files else {}),
        **({"Deadline": [f"{order.deadline_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"]} if order.deadline_at else {}),
    }
