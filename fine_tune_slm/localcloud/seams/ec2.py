"""EC2: starting and stopping take a while and really start and end a host."""

from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Callable
from typing import Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instances import Instance, InstanceBackend, InstanceState, StateReason

from fine_tune_slm.localcloud.fleet.fleet import Fleet, StartRefusedError, StateError
from fine_tune_slm.localcloud.seams.seam import Seam

_CODES = {"pending": 0, "running": 16, "stopping": 64, "stopped": 80}
_CHANGED_WHILE_STOPPED = {"instance_type", "user_data", "kernel", "ebs_optimized"}
_NOT_APPLICABLE = {"Status": "not-applicable"}


class MotoInstance:
    """moto's record of an instance, as the fleet sees it."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance

    @property
    def id(self) -> str:
        """Return the instance id."""
        return str(self._instance.id)

    @property
    def state(self) -> str:
        """Return the state's name."""
        return str(self._instance.state)

    @property
    def role_arn(self) -> str | None:
        """Return the role of the instance profile, if the instance has one."""
        association = self._instance.ec2_backend.iam_instance_profile_associations.get(self._instance.id)
        roles = association.iam_instance_profile.roles if association else []
        return str(roles[0].arn) if roles else None

    def become(self, state: str, reason_code: str = "") -> None:
        """Show this state, and why."""
        self._instance._state = InstanceState(state, _CODES[state])
        self._instance.state_reason = StateReason(reason_code, reason_code)
        self._instance._reason = reason_code and f"{reason_code} ({dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%S} GMT)"

    def launched(self, at: dt.datetime) -> None:
        """Show this launch time."""
        self._instance.launch_time = at.replace(tzinfo=None)


def seams(fleet: Fleet) -> list[Seam]:
    """Return the seams of EC2."""
    return [
        Seam(Instance, "start", ("self",), lambda _: _starting(fleet)),
        Seam(Instance, "stop", ("self",), lambda _: _stopping(fleet)),
        Seam(InstanceBackend, "modify_instance_attribute", ("self", "instance_id", "key", "value"), _while_stopped),
        Seam(Instance, "instance_status", ("self",), lambda original: property(_status(fleet, original))),
        Seam(Instance, "system_status", ("self",), lambda original: property(_status(fleet, original))),
    ]


def stop_after_first_boot(backend: Any) -> list[str]:
    """Return the ids of the running instances after showing them as stopped.

    An instance's first boot runs its user data, which ends with `poweroff`. User data is not executed here; its end is.
    """
    running = [instance for instance in backend.all_instances() if instance.state == "running"]
    for instance in running:
        MotoInstance(instance).become("stopped", "Client.InstanceInitiatedShutdown")
    return [instance.id for instance in running]


def _starting(fleet: Fleet) -> Callable[[Instance], InstanceState]:
    def start(self: Instance) -> InstanceState:
        before = copy.copy(self._state)
        try:
            fleet.start(MotoInstance(self))
        except StateError as error:
            raise _incorrect_state(self, error) from error
        except StartRefusedError as error:
            raise EC2ClientError(error.fault.code, error.fault.message) from error
        return before

    return start


def _stopping(fleet: Fleet) -> Callable[[Instance], InstanceState]:
    def stop(self: Instance) -> InstanceState:
        before = copy.copy(self._state)
        try:
            fleet.stop(MotoInstance(self))
        except StateError as error:
            raise _incorrect_state(self, error) from error
        return before

    return stop


def _while_stopped(original: Callable[..., Instance]) -> Callable[..., Instance]:
    def modify_instance_attribute(self: InstanceBackend, instance_id: str, key: str, value: Any) -> Instance:
        if key in _CHANGED_WHILE_STOPPED and self.get_instance(instance_id).state != "stopped":
            raise EC2ClientError(
                "IncorrectInstanceState", f"The instance '{instance_id}' is not in the 'stopped' state."
            )
        return original(self, instance_id, key, value)

    return modify_instance_attribute


def _incorrect_state(instance: Instance, error: StateError) -> EC2ClientError:
    return EC2ClientError("IncorrectInstanceState", f"The instance '{instance.id}' {error}.")


def _status(fleet: Fleet, original: property) -> Callable[[Instance], dict[str, Any]]:
    def status(self: Instance) -> dict[str, Any]:
        if self.state != "running":
            return _NOT_APPLICABLE
        if not fleet.checks_pass(str(self.id)):
            return {"Status": "initializing", "Details": [{"Name": "reachability", "Status": "initializing"}]}
        return dict(original.__get__(self))

    return status
