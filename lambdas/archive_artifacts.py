"""ArchiveArtifacts: from staging to the archive, every file verified, the manifest last."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from slm_core.artifacts import archive
from slm_core.environment import environment
from slm_core.lease import LeaseTable
from slm_core.state import RunInput
from slm_core.step import step
from slm_core.store import ObjectStore


@step
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Return where the archive lies."""
    run = RunInput.model_validate(event).run
    # the sign of life too: a large archive takes its time, and the instance still runs
    LeaseTable(environment().lease_table).beat(run.run_id, run.fence)
    return archive(ObjectStore(run.bucket), run.keys).model_dump(mode="json")
