"""StopInstance, StopBeforeRelaunch, StopAfterFailure: request, look, and be retried until the instance is stopped."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from slm_core.environment import environment
from slm_core.lease import LeaseTable
from slm_core.state import ExecutionInput
from slm_core.step import step
from slm_core.stopping import stop_instance


@step
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Return the state in which the instance was seen last."""
    execution = ExecutionInput.model_validate(event).execution
    return stop_instance(execution.name, LeaseTable(environment().lease_table)).model_dump(mode="json")
