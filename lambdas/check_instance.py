"""CheckInstance: ready means that status checks pass, the agent is online since this launch, and this boot answered."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from slm_core import clock
from slm_core.documents import read_spec
from slm_core.environment import Environment, environment
from slm_core.errors import CommandUndeliverableError, InstanceNotReadyError
from slm_core.instance import Instance
from slm_core.lease import LeaseTable
from slm_core.run_command import CommandPhase, Order, RunCommand
from slm_core.state import InstanceInput, InstanceState
from slm_core.step import step
from slm_core.store import ObjectStore

NEXT_LOOK_SECONDS = 10
PATIENCE = timedelta(minutes=15)
PROBE_SECONDS = 60
_PROBE_ANSWER = "boot "


@step
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Return the instance with its readiness."""
    return Check(InstanceInput.model_validate(event), environment()).go().model_dump(mode="json")


class Check:
    """One look at the instance after its launch."""

    def __init__(self, given: InstanceInput, env: Environment) -> None:
        self._run = given.run
        self._seen = given.instance
        self._leases = LeaseTable(env.lease_table)
        self._instance = Instance(given.instance.instance_id)
        self._commands = RunCommand(given.instance.instance_id, given.run.document_name, given.run.log_group)

    def go(self) -> InstanceState:
        """Return the instance as starting, ready or impaired.

        Raises: InstanceNotReadyError when it became impaired too often; LeaseLostError.
        """
        self._leases.beat(self._run.run_id, self._run.fence)
        state, checks = self._instance.describe().state, self._instance.checks()
        if state not in {"pending", "running"}:
            return self._impaired(f"the instance is {state}")
        if checks == "impaired":
            return self._impaired("a status check of EC2 failed")
        if clock.now() - self._seen.launched_at > PATIENCE:
            return self._impaired(f"the instance was not ready after {PATIENCE}")
        if checks != "ok" or not self._commands.agent_is_online_since(self._seen.launched_at):
            return self._seen_as(probe_command_id=None)
        return self._probed()

    def _probed(self) -> InstanceState:
        if self._seen.probe_command_id is None:
            return self._seen_as(probe_command_id=self._sent_probe())
        probe = self._commands.look(self._seen.probe_command_id)
        if probe.phase is CommandPhase.SUCCEEDED and probe.output.startswith(_PROBE_ANSWER):
            return self._seen_as(status="ready")
        has_failed = probe.phase in {CommandPhase.SUCCEEDED, CommandPhase.FAILED}
        return self._seen_as(probe_command_id=None) if has_failed else self._seen_as()

    def _sent_probe(self) -> str | None:
        order = Order(
            action="probe",
            run_id=self._run.run_id,
            fence=self._run.fence,
            run_uri=self._run.run_uri,
            execution_timeout_seconds=PROBE_SECONDS,
        )
        try:
            return self._commands.send(order)
        except CommandUndeliverableError:
            # online a moment ago: the next look tries again
            return None

    def _impaired(self, reason: str) -> InstanceState:
        run, key = self._run, f"launch {self._seen.launched_at.isoformat()}"
        losses = self._leases.record_loss(run.run_id, run.fence, key, reason)
        spec = read_spec(ObjectStore(run.bucket), run.keys)
        if losses > spec.config.limits.max_relaunches:
            raise InstanceNotReadyError(f"After {losses} attempts {reason}")
        return self._seen_as(status="impaired", reason=reason)

    def _seen_as(self, **changes: Any) -> InstanceState:
        return self._seen.model_copy(update={"wait_seconds": NEXT_LOOK_SECONDS, **changes})
