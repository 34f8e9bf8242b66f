"""Run Command on virtual time: what moto's responses ask for, answered by the emulated host."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from moto.core.responses import ActionResult
from moto.ssm.exceptions import SSMException

from fine_tune_slm.localcloud.fleet.document import ParametersError, checked_values
from tests.faults.world.host import Command, Host


class VirtualRunCommand:
    """The operations of Run Command and of the managed instances."""

    def __init__(self, host: Host, document: dict[str, Any], tell: Callable[[str], None]) -> None:
        self._host = host
        self._document = document
        self._tell = tell
        self.extra_executions = 0

    def send_command(self, request: Any) -> ActionResult:
        """Send a command to the instance whose agent is online."""
        (instance_id,) = request._get_param("InstanceIds", [])
        if not self._host.agent_is_online():
            raise SSMException("InvalidInstanceId", f"Instances [[{instance_id}]] not in a valid state for account")
        given = request._get_param("Parameters", {})
        try:
            values = checked_values(self._document, given)
        except ParametersError as error:
            raise SSMException("InvalidParameters", str(error)) from error
        self._tell(f"command {values}")
        command = self._host.accept(instance_id, values)
        for _ in range(self.extra_executions):
            self._host.accept(instance_id, values)
        return ActionResult({"Command": {"CommandId": command.command_id, "Status": "Pending"}})

    def get_command_invocation(self, request: Any) -> ActionResult:
        """Tell how a command stands."""
        command = self._host.commands.get(request._get_param("CommandId"))
        if command is None:
            raise SSMException("InvocationDoesNotExist", "")
        return ActionResult(_invocation(command))

    def cancel_command(self, request: Any) -> ActionResult:
        """Cancel a command: its script ends, its container lives on."""
        command = self._host.commands.get(request._get_param("CommandId"))
        if command:
            command.end("Cancelled", code=-1)
        return ActionResult({})

    def list_commands(self, _request: Any) -> ActionResult:
        """List commands, newest first."""
        return ActionResult({"Commands": [_summary(command) for command in self._newest_first()]})

    def list_command_invocations(self, _request: Any) -> ActionResult:
        """List commands, newest first."""
        return ActionResult({"CommandInvocations": [_summary(command) for command in self._newest_first()]})

    def describe_instance_information(self, request: Any) -> ActionResult:
        """List the instance once its agent has registered."""
        filters = request._get_param("Filters") or []
        ids = [value for entry in filters for value in entry["Values"]]
        if not ids or self._host.boot == 0:
            return ActionResult({"InstanceInformationList": []})
        is_online = self._host.agent_is_online()
        ping = self._host.timeline.now if is_online else self._host.last_ping()
        information = {
            "InstanceId": ids[0],
            "PingStatus": "Online" if is_online else "ConnectionLost",
            "LastPingDateTime": ping,
            "PlatformType": "Linux",
            "ResourceType": "EC2Instance",
        }
        return ActionResult({"InstanceInformationList": [information]})

    def _newest_first(self) -> Iterable[Command]:
        return reversed(self._host.commands.values())


def _summary(command: Command) -> dict[str, Any]:
    return {
        "CommandId": command.command_id,
        "InstanceId": command.instance_id,
        "InstanceIds": [command.instance_id],
        "Status": command.status,
        "StatusDetails": command.details,
        "RequestedDateTime": command.requested_at,
    }


def _invocation(command: Command) -> dict[str, Any]:
    return {
        "CommandId": command.command_id,
        "InstanceId": command.instance_id,
        "ResponseCode": command.response_code,
        "Status": command.status,
        "StatusDetails": command.details,
        "StandardOutputContent": command.output,
        "StandardErrorContent": "",
    }
