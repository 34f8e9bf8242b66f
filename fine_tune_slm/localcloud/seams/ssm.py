"""Systems Manager: Run Command really runs on the emulated instance, and the operations that moto lacks are there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

from moto.core.responses import ActionResult
from moto.ssm.exceptions import SSMException
from moto.ssm.responses import SimpleSystemManagerResponse as Responses

from fine_tune_slm.localcloud.fleet.commands import Command, invocation
from fine_tune_slm.localcloud.fleet.document import DocumentError, ParametersError, render
from fine_tune_slm.localcloud.fleet.fleet import Fleet
from fine_tune_slm.localcloud.seams.seam import Seam

_AGENT_VERSION = "3.3.2746.0"
_Operation = Callable[[Responses], ActionResult]


class RunCommand:
    """The operations of Run Command and of the managed instances."""

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._commands: dict[str, Command] = {}
        self._last_pings: dict[str, dt.datetime] = {}

    def send_command(self, request: Responses) -> ActionResult:
        """Start a command on an instance whose agent is online."""
        instance_ids = request._get_param("InstanceIds", [])
        agents = {instance_id: self._fleet.agent_of(instance_id) for instance_id in instance_ids}
        if len(agents) != 1 or None in agents.values():
            raise SSMException("InvalidInstanceId", f"Instances {instance_ids} not in a valid state for account")
        command = self._command(request, instance_ids[0])
        self._commands[command.command_id] = command
        agent, boot = self._fleet.agent_of(command.instance_id), self._fleet.boot_of(command.instance_id)
        if agent and boot:
            boot.commands.append(command)
            agent.accept(command)
        else:
            command.status = "Undeliverable"
        return ActionResult({"Command": _summary(command)})

    def cancel_command(self, request: Responses) -> ActionResult:
        """Cancel a command; one that is over stays as it is."""
        command = self._find(request)
        agent = self._fleet.agent_of(command.instance_id)
        if agent and not command.is_over:
            agent.cancel(command)
        return ActionResult({})

    def get_command_invocation(self, request: Responses) -> ActionResult:
        """Tell how a command stands on an instance."""
        command = self._commands.get(request._get_param("CommandId"))
        plugin = request._get_param("PluginName")
        is_known = command is not None and command.instance_id == request._get_param("InstanceId")
        if command is None or not is_known or (plugin and plugin != command.rendered.plugin):
            raise SSMException("InvocationDoesNotExist", "")
        return ActionResult(invocation(command))

    def list_commands(self, request: Responses) -> ActionResult:
        """List commands, newest first."""
        return ActionResult({"Commands": [_summary(command) for command in self._matching(request)]})

    def list_command_invocations(self, request: Responses) -> ActionResult:
        """List commands by instance, newest first."""
        keys = ("CommandId", "InstanceId", "Comment", "DocumentName", "Status", "StatusDetails")
        found = [
            {**{key: invocation(command)[key] for key in keys}, "RequestedDateTime": command.requested_at}
            for command in self._matching(request)
        ]
        return ActionResult({"CommandInvocations": found})

    def describe_instance_information(self, request: Responses) -> ActionResult:
        """List the instances whose agent has registered at least once."""
        wanted = _wanted_instances(request)
        running = {str(i.id) for i in _backend(request).all_instances() if self._fleet.agent_of(str(i.id))}
        self._last_pings.update(dict.fromkeys(running, dt.datetime.now(dt.UTC)))
        found = [
            _information(instance_id, at, is_online=instance_id in running)
            for instance_id, at in self._last_pings.items()
            if wanted is None or instance_id in wanted
        ]
        return ActionResult({"InstanceInformationList": found})

    def _command(self, request: Responses, instance_id: str) -> Command:
        name, parameters = request._get_param("DocumentName"), request._get_param("Parameters", {})
        output = request._get_param("CloudWatchOutputConfig") or {}
        is_logged = str(output.get("CloudWatchOutputEnabled", False)).lower() == "true"
        document = request.ssm_backend._get_documents(name).get_default_version()
        try:
            rendered = render(document.content_json, parameters)
        except ParametersError as error:
            raise SSMException("InvalidParameters", str(error)) from error
        except DocumentError as error:
            raise SSMException("InvalidDocument", str(error)) from error
        return Command(
            document_name=name,
            instance_id=instance_id,
            parameters=parameters,
            rendered=rendered,
            comment=request._get_param("Comment", ""),
            log_group=output.get("CloudWatchLogGroupName", f"/aws/ssm/{name}") if is_logged else None,
            delivery_timeout_seconds=request._get_int_param("TimeoutSeconds") or 3600,
        )

    def _find(self, request: Responses) -> Command:
        command = self._commands.get(request._get_param("CommandId"))
        if command is None:
            raise SSMException("InvalidCommandId", "")
        return command

    def _matching(self, request: Responses) -> Iterable[Command]:
        command_id, instance_id = request._get_param("CommandId"), request._get_param("InstanceId")
        for command in reversed(self._commands.values()):
            if command_id in {None, command.command_id} and instance_id in {None, command.instance_id}:
                yield command


def seams(run_command: RunCommand) -> list[Seam]:
    """Return the seams of Systems Manager."""
    known = ("send_command", "get_command_invocation", "list_commands")
    missing = ("cancel_command", "describe_instance_information", "list_command_invocations")
    return [
        *(Seam(Responses, name, ("self",), _operation(getattr(run_command, name))) for name in known),
        *(Seam(Responses, name, None, _operation(getattr(run_command, name))) for name in missing),
    ]


def _operation(act: _Operation) -> Callable[[Any], _Operation]:
    def operation(self: Responses) -> ActionResult:
        return act(self)

    return lambda _: operation


def _backend(request: Responses) -> Any:
    from moto.ec2.models import ec2_backends  # noqa: PLC0415  (slow to import, and needed by this operation alone)

    return ec2_backends[request.current_account][request.region]


def _wanted_instances(request: Responses) -> set[str] | None:
    filters = request._get_param("Filters") or []
    older = request._get_param("InstanceInformationFilterList") or []
    values = [value for entry in filters if entry["Key"] == "InstanceIds" for value in entry["Values"]]
    values += [value for entry in older if entry["key"] == "InstanceIds" for value in entry["valueSet"]]
    return set(values) if filters or older else None


def _information(instance_id: str, last_ping: dt.datetime, *, is_online: bool) -> dict[str, Any]:
    return {
        "InstanceId": instance_id,
        "PingStatus": "Online" if is_online else "ConnectionLost",
        "LastPingDateTime": last_ping,
        "AgentVersion": _AGENT_VERSION,
        "IsLatestVersion": True,
        "PlatformType": "Linux",
        "PlatformName": "Amazon Linux",
        "ResourceType": "EC2Instance",
    }


def _summary(command: Command) -> dict[str, Any]:
    return {
        "CommandId": command.command_id,
        "DocumentName": command.document_name,
        "Comment": command.comment,
        "ExpiresAfter": command.requested_at + dt.timedelta(seconds=command.delivery_timeout_seconds),
        "Parameters": command.parameters,
        "InstanceIds": [command.instance_id],
        "Targets": [],
        "RequestedDateTime": command.requested_at,
        "Status": command.status,
        "StatusDetails": command.status_details,
        "TargetCount": 1,
        "CompletedCount": int(command.is_over),
        "ErrorCount": int(command.status in {"Failed", "TimedOut"}),
        "TimeoutSeconds": command.delivery_timeout_seconds,
    }
