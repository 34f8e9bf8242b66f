"""StartInstance: the first allowed type that has capacity, and the deadline that follows from its price."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from slm_core import decisions
from slm_core.documents import read_spec
from slm_core.environment import Environment, environment
from slm_core.errors import FineTuneSlmError, InstanceCapacityError, InstanceChangingError, InstanceRefusedError
from slm_core.instance import Instance, InstanceView, StartAnswer
from slm_core.lease import Launch, Lease, LeaseTable
from slm_core.prices import load_prices
from slm_core.records import RunSpec
from slm_core.state import InstanceState, RunInput
from slm_core.step import step
from slm_core.store import ObjectStore

FIRST_LOOK_SECONDS = 15


@step
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Return the running instance and its deadline."""
    return Start(RunInput.model_validate(event), environment()).go().model_dump(mode="json")


class Start:
    """One attempt to get the instance running; the workflow repeats it."""

    def __init__(self, given: RunInput, env: Environment) -> None:
        self._run = given.run
        self._env = env
        self._leases = LeaseTable(env.lease_table)
        self._instance = Instance(given.run.instance_id)

    def go(self) -> InstanceState:
        """Return the instance once it runs.

        Raises: InstanceChangingError, InstanceCapacityError to be tried again; InstanceRefusedError; LeaseLostError.
        """
        # the wait for capacity may have taken an hour: the sweeper must see that the run is alive
        self._leases.beat(self._run.run_id, self._run.fence)
        lease = self._leases.require(self._run.run_id, self._run.fence)
        spec = read_spec(ObjectStore(self._run.bucket), self._run.keys)
        view = self._instance.describe()
        if view.state == "terminated":
            raise InstanceRefusedError(f"Instance {view.instance_id} has been terminated")
        if view.state == "running" and lease.start_requested_at:
            return self._launched(view, lease, spec)
        if view.state == "stopped":
            self._start(view, lease, spec)
        elif lease.start_requested_at is None:
            # started by an earlier run or by hand: what is on it is unknown, so it starts afresh under this fence
            self._instance.stop()
        raise InstanceChangingError(f"Instance {view.instance_id} is not running yet (it was {view.state})")

    def _start(self, view: InstanceView, lease: Lease, spec: RunSpec) -> None:
        unsuitable = set[str]()
        for instance_type in _types_to_try(view, lease, spec):
            if view.instance_type != instance_type and not self._instance.change_type(instance_type):
                unsuitable.add(instance_type)
                continue
            view = view.model_copy(update={"instance_type": instance_type})
            self._leases.request_start(self._run.run_id, self._run.fence)
            answer = self._instance.start()
            if answer is StartAnswer.ACCEPTED:
                return
            unsuitable |= {instance_type} if answer is StartAnswer.UNSUITABLE else set()
        self._leases.forget_start(self._run.run_id, self._run.fence)
        raise _no_start(spec.instance_types, unsuitable)

    def _launched(self, view: InstanceView, lease: Lease, spec: RunSpec) -> InstanceState:
        launch = Launch(instance_type=view.instance_type, launched_at=view.launched_at)
        first = min((view.launched_at, *(earlier.launched_at for earlier in lease.launches.values())))
        price = load_prices(self._env.prices_path, spec.config.prices).price(view.instance_type)
        deadline_at = decisions.deadline(first, spec.config.limits, price)
        if lease.deadline_at:
            # a relaunch as a cheaper type does not win time
            deadline_at = min(deadline_at, lease.deadline_at)
        self._leases.record_launch(self._run.run_id, self._run.fence, launch, deadline_at)
        self._instance.tag_deadline(deadline_at)
        return InstanceState(
            instance_id=view.instance_id,
            instance_type=view.instance_type,
            launched_at=view.launched_at,
            deadline_at=deadline_at,
            wait_seconds=FIRST_LOOK_SECONDS,
        )


def _no_start(types: tuple[str, ...], unsuitable: set[str]) -> FineTuneSlmError:
    listed = ", ".join(types)
    # a type that was not tried this time lacked capacity when it was: it may have some later
    if unsuitable == set(types):
        return InstanceRefusedError(f"EC2 cannot start the instance as any of {listed} in its zone")
    return InstanceCapacityError(f"EC2 has no capacity for any of {listed} in the instance's zone")


def _types_to_try(view: InstanceView, lease: Lease, spec: RunSpec) -> tuple[str, ...]:
    types = spec.instance_types
    if lease.start_requested_at and view.lacked_capacity and view.instance_type in types:
        return types[types.index(view.instance_type) + 1 :]
    return types
