"""The emulated instances over time: pending, running, checks, agent, stopping, stopped, and injected failures."""

from __future__ import annotations

import collections
import datetime as dt
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from fine_tune_slm.localcloud.clients import Clients
from fine_tune_slm.localcloud.fleet.commands import Agent, Command, wait_until_over
from fine_tune_slm.localcloud.fleet.host import Host, HostSpec
from fine_tune_slm.localcloud.settings import InstanceTimings

_SETTLE_SECONDS = 5.0


class InstanceRecord(Protocol):
    """What the fleet needs of the API's own record of an instance."""

    @property
    def id(self) -> str:
        """Return the instance id."""

    @property
    def state(self) -> str:
        """Return the state's name."""

    @property
    def role_arn(self) -> str | None:
        """Return the role of the instance profile."""

    def become(self, state: str, reason_code: str = "") -> None:
        """Show this state, and why."""

    def launched(self, at: dt.datetime) -> None:
        """Show this launch time."""


@dataclass(frozen=True)
class StartFault:
    """How the next start fails: refused with an error, or accepted and then stopped with this reason code."""

    code: str
    message: str = "injected"
    is_accepted: bool = False


class StateError(Exception):
    """The instance is in a state that does not allow what was asked."""


class StartRefusedError(Exception):
    """An injected refusal of StartInstances."""

    def __init__(self, fault: StartFault) -> None:
        self.fault = fault
        super().__init__(fault.message)


@dataclass
class Boot:
    """A running instance."""

    record: InstanceRecord
    host: Host
    agent: Agent
    began: float = field(default_factory=time.monotonic)
    commands: list[Command] = field(default_factory=list)

    def age_seconds(self) -> float:
        """Return the time since StartInstances."""
        return time.monotonic() - self.began


class Fleet:
    """All emulated instances."""

    def __init__(self, spec: HostSpec, timings: InstanceTimings, clients: Clients) -> None:
        self._spec = spec
        self._timings = timings
        self._clients = clients
        self._boots: dict[str, Boot] = {}
        self._threads: list[threading.Thread] = []
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self.start_faults: collections.deque[StartFault] = collections.deque()

    def start(self, record: InstanceRecord) -> None:
        """Start an instance; a running or pending one stays as it is.

        Raises: StateError while it stops, StartRefusedError when a fault was injected.
        """
        with self._lock:
            if record.state in {"running", "pending"}:
                return
            if record.state != "stopped":
                raise StateError("is not in a state from which it can be started")
            fault = self.start_faults.popleft() if self.start_faults else None
            if fault and not fault.is_accepted:
                raise StartRefusedError(fault)
            record.become("pending")
            record.launched(dt.datetime.now(dt.UTC))
            self._in_background(self._boot, record, fault)

    def stop(self, record: InstanceRecord, reason_code: str = "Client.UserInitiatedShutdown") -> None:
        """Stop an instance; a stopping or stopped one stays as it is.

        Raises: StateError while it is pending.
        """
        with self._lock:
            if record.state in {"stopping", "stopped"}:
                return
            if record.state != "running":
                raise StateError("is not in a state from which it can be stopped")
            record.become("stopping", reason_code)
            self._in_background(self._shut_down, record, reason_code)

    def crash(self, instance_id: str) -> None:
        """End everything on an instance without warning and stop it, as a lost host does."""
        with self._lock:
            boot = self._boots.pop(instance_id)
            boot.record.become("stopping", "Server.InternalError")
        boot.host.shut_down(grace_seconds=0)
        wait_until_over(boot.commands, _SETTLE_SECONDS)
        boot.record.become("stopped", "Server.InternalError")

    def boot_of(self, instance_id: str) -> Boot | None:
        """Return the running boot of an instance."""
        with self._lock:
            return self._boots.get(instance_id)

    def checks_pass(self, instance_id: str) -> bool:
        """Return whether the status checks of a running instance are ok already."""
        boot = self.boot_of(instance_id)
        return boot is not None and boot.age_seconds() >= self._timings.status_checks_seconds

    def agent_of(self, instance_id: str) -> Agent | None:
        """Return the instance's agent once it has registered."""
        boot = self.boot_of(instance_id)
        is_online = boot is not None and boot.age_seconds() >= self._timings.agent_seconds
        return boot.agent if boot and is_online and not boot.host.is_shutting_down else None

    def close(self) -> None:
        """End every instance at once, whatever runs on it."""
        self._closing.set()
        with self._lock:
            boots, self._boots = list(self._boots.values()), {}
        for boot in boots:
            boot.host.shut_down(grace_seconds=0)
            wait_until_over(boot.commands, _SETTLE_SECONDS)
        for thread in self._threads:
            thread.join(timeout=_SETTLE_SECONDS)

    def _boot(self, record: InstanceRecord, fault: StartFault | None) -> None:
        began = time.monotonic()
        if self._closing.wait(self._timings.pending_seconds):
            return
        if fault:
            record.become("stopped", fault.code)
            return
        host = Host(self._spec, self._clients, record.role_arn)
        with self._lock:
            if not self._closing.is_set():
                agent = Agent(host, self._spec.root)
                self._boots[record.id] = Boot(record, host, agent, began)
                record.become("running")
                return
        host.shut_down(grace_seconds=0)

    def _shut_down(self, record: InstanceRecord, reason_code: str) -> None:
        began = time.monotonic()
        with self._lock:
            boot = self._boots.get(record.id)
        if boot:
            boot.host.shut_down(self._timings.grace_seconds)
            wait_until_over(boot.commands, _SETTLE_SECONDS)
            with self._lock:
                self._boots.pop(record.id, None)
        self._closing.wait(max(0.0, self._timings.stopping_seconds - (time.monotonic() - began)))
        record.become("stopped", reason_code)

    def _in_background(self, act: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=act, args=arguments, name=act.__name__, daemon=True)
        self._threads.append(thread)
        thread.start()
