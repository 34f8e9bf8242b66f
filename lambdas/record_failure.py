"""RecordFailure: the record of a run that failed, the verified state of its instance, and a clean error and cause."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from slm_core.environment import environment
from slm_core.failure_record import record_failure
from slm_core.state import FailureInput
from slm_core.step import step


@step
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Return the error's name and cause, for the Fail state."""
    return record_failure(FailureInput.model_validate(event), environment()).model_dump(mode="json")
