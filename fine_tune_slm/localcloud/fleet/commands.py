"""Run Command: what SendCommand accepts, what the agent does with it, and what GetCommandInvocation tells."""

from __future__ import annotations

import datetime as dt
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from botocore.exceptions import BotoCoreError, ClientError

from fine_tune_slm.localcloud.fleet.document import RenderedCommand
from fine_tune_slm.localcloud.fleet.engine import EngineError
from fine_tune_slm.localcloud.fleet.host import Host
from fine_tune_slm.localcloud.log_sink import LogSink, LogStream
from fine_tune_slm.localcloud.processes import kill_group

MAX_OUTPUT_CHARACTERS = 24_000
_PLUGIN_DIRECTORY = "aws-runShellScript"
# The agent's own meanings of exit codes: a script that uses them says something else than it means.
_EXIT_WITH_SUCCESS, _STOPPED_PREEMPTIVELY = 168, 137
_DETAILS = {"InProgress": "In Progress", "TimedOut": "Execution Timed Out"}


@dataclass
class Command:
    """A command on its way through one instance."""

    document_name: str
    instance_id: str
    parameters: dict[str, list[str]]
    rendered: RenderedCommand
    comment: str
    log_group: str | None
    delivery_timeout_seconds: int
    command_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    requested_at: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    started_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None
    status: str = "Pending"
    response_code: int = -1
    standard_output: str = ""
    standard_error: str = ""
    is_cancelled: bool = False
    is_expired: bool = False

    @property
    def status_details(self) -> str:
        """Return the status as StatusDetails spells it."""
        return _DETAILS.get(self.status, self.status)

    @property
    def is_over(self) -> bool:
        """Return whether nothing of the command runs any more."""
        return self.status not in {"Pending", "InProgress", "Cancelling"}


class Agent:
    """Runs commands on one booted host."""

    def __init__(self, host: Host, root: Path) -> None:
        self._host = host
        self._root = root
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._lock = threading.Lock()

    def accept(self, command: Command) -> None:
        """Start the command; returns at once."""
        threading.Thread(target=self._run, args=(command,), name=f"command {command.command_id}", daemon=True).start()

    def cancel(self, command: Command) -> None:
        """End the script's process group; what its containers do lives on."""
        with self._lock:
            command.is_cancelled = True
            script = self._running.get(command.command_id)
            if not command.is_over:
                command.status = "Cancelling"
        if script:
            kill_group(script)

    def _run(self, command: Command) -> None:
        directory = self._host.directory / "orchestration" / command.command_id
        sinks = self._sinks(command)
        try:
            script = self._start(command, directory)
            if script:
                self._follow(command, script, sinks)
        finally:
            for sink in sinks.values():
                sink.close()

    def _start(self, command: Command, directory: Path) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if command.is_cancelled:
                command.status = "Cancelled"
                return None
            try:
                script = self._host.start_script(command.rendered, directory)
            except EngineError:
                command.status = "Undeliverable"
                return None
            self._running[command.command_id] = script
            command.status = "InProgress"
            command.started_at = dt.datetime.now(dt.UTC)
            return script

    def _follow(self, command: Command, script: subprocess.Popen[bytes], sinks: dict[str, LogSink]) -> None:
        collected: dict[str, list[str]] = {"stdout": [], "stderr": []}
        readers = [
            threading.Thread(target=_read, args=(stream, collected[name], sinks[name].write), daemon=True)
            for name, stream in (("stdout", script.stdout), ("stderr", script.stderr))
        ]
        for reader in readers:
            reader.start()
        self._wait(command, script)
        for reader in readers:
            # A container's client that outlives the script may hold the pipe; the agent does not wait for it.
            reader.join(timeout=2)
        command.standard_output = "\n".join(collected["stdout"])[:MAX_OUTPUT_CHARACTERS]
        command.standard_error = "\n".join(collected["stderr"])[:MAX_OUTPUT_CHARACTERS]
        for sink in sinks.values():
            sink.flush()
        with self._lock:
            self._running.pop(command.command_id)
            self._conclude(command, script.returncode)

    def _wait(self, command: Command, script: subprocess.Popen[bytes]) -> None:
        try:
            script.wait(timeout=command.rendered.timeout_seconds)
        except subprocess.TimeoutExpired:
            command.is_expired = True
            kill_group(script)

    def _conclude(self, command: Command, return_code: int) -> None:
        code = return_code if return_code >= 0 else 128 - return_code
        command.response_code = code
        command.ended_at = dt.datetime.now(dt.UTC)
        if self._host.is_shutting_down:
            command.status = "Failed"
        elif command.is_cancelled:
            command.status = "Cancelled"
        elif command.is_expired or code == _STOPPED_PREEMPTIVELY:
            command.status = "TimedOut"
        else:
            command.status = "Success" if code in {0, _EXIT_WITH_SUCCESS} else "Failed"

    def _sinks(self, command: Command) -> dict[str, LogSink]:
        group = command.log_group if command.log_group and self._may_log(command.log_group) else None
        return {name: self._sink(command, name, group) for name in ("stdout", "stderr")}

    def _sink(self, command: Command, name: str, group: str | None) -> LogSink:
        path = f"{command.command_id}/{command.instance_id}/{_PLUGIN_DIRECTORY}/{name}"
        stream = LogStream(group, path) if group else None
        file = self._root / "logs" / "commands" / f"{command.command_id}.{name}"
        return LogSink(self._host.logs, stream, file)

    def _may_log(self, group: str) -> bool:
        """Return whether the host's role lets the agent look for group and streams, as it does before it writes."""
        try:
            found = self._host.logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
            if any(one["logGroupName"] == group for one in found):
                self._host.logs.describe_log_streams(logGroupName=group)
        except (BotoCoreError, ClientError):
            return False
        return True


def _read(stream: IO[bytes] | None, collected: list[str], write: Callable[[Iterable[str]], None]) -> None:
    assert stream is not None  # noqa: S101  (started with stdout=PIPE and stderr=PIPE)
    with stream:
        for raw in stream:
            line = raw.decode(errors="replace").rstrip("\n")
            collected.append(line)
            write([line])


def wait_until_over(commands: Iterable[Command], seconds: float) -> None:
    """Return when every command is over, or when the time is."""
    end = time.monotonic() + seconds
    pending = list(commands)
    while time.monotonic() < end and any(not command.is_over for command in pending):
        time.sleep(0.05)


def invocation(command: Command) -> dict[str, Any]:
    """Return the command as GetCommandInvocation tells it; output appears when the command is over."""
    ended = command.ended_at or dt.datetime.now(dt.UTC)
    elapsed_seconds = (ended - command.started_at).total_seconds() if command.started_at else 0.0
    return {
        "CommandId": command.command_id,
        "InstanceId": command.instance_id,
        "Comment": command.comment,
        "DocumentName": command.document_name,
        "DocumentVersion": "$DEFAULT",
        "PluginName": command.rendered.plugin,
        "ResponseCode": command.response_code,
        "ExecutionStartDateTime": command.started_at.isoformat() if command.started_at else "",
        "ExecutionElapsedTime": f"PT{elapsed_seconds:.3f}S",
        "ExecutionEndDateTime": command.ended_at.isoformat() if command.ended_at else "",
        "Status": command.status,
        "StatusDetails": command.status_details,
        "StandardOutputContent": command.standard_output,
        "StandardOutputUrl": "",
        "StandardErrorContent": command.standard_error,
        "StandardErrorUrl": "",
        "CloudWatchOutputConfig": {
            "CloudWatchLogGroupName": command.log_group or "",
            "CloudWatchOutputEnabled": command.log_group is not None,
        },
    }
