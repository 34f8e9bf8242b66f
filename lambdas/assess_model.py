"""AssessModel: the gate, field by field; the archive is kept either way."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from slm_core import decisions
from slm_core.artifacts import digest_of, read_manifest
from slm_core.documents import METRICS_NAME, read_metrics, read_spec
from slm_core.errors import ModelRejectedError
from slm_core.state import PreparedRun, RunInput, Verdict
from slm_core.step import step
from slm_core.store import ObjectStore


@step
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Return the verdict on a model that met the gate."""
    return assess_model(RunInput.model_validate(event).run).model_dump(mode="json")


def assess_model(run: PreparedRun) -> Verdict:
    """Return the verdict.

    Raises: ModelRejectedError with every bound that was missed; ArtifactCorruptError.
    """
    store = ObjectStore(run.bucket)
    config = read_spec(store, run.keys).config
    sha256 = digest_of(read_manifest(store, run.keys), METRICS_NAME)
    after = read_metrics(store, run.keys, sha256).after
    missed = [score for score in decisions.assess(after, config.gate) if not score.is_met]
    if missed:
        raise ModelRejectedError(f"The gate was not met: {'; '.join(str(score) for score in missed)}")
    return Verdict(publish=config.publish.enabled, macro_f1=after.macro_f1, json_valid=after.json_valid)
