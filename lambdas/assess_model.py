"""AssessModel: the gate, field by field and beside the published model; the archive is kept either way."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from slm_core import decisions
from slm_core.artifacts import digest_of, read_manifest
from slm_core.documents import METRICS_NAME, read_metrics, read_spec
from slm_core.errors import ModelRejectedError
from slm_core.releases import ReleasePointer
from slm_core.state import PreparedRun, RunInput, Verdict
from slm_core.step import step
from slm_core.store import ObjectStore


@step
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Return the verdict on a model that met the gate."""
    return assess_model(RunInput.model_validate(event).run).model_dump(mode="json")


def assess_model(run: PreparedRun) -> Verdict:
    """Return the verdict.

    Raises: ModelRejectedError with a line for every bound; ArtifactCorruptError; ReleaseHistoryInvalidError.
    """
    store = ObjectStore(run.bucket)
    spec = read_spec(store, run.keys)
    metrics = read_metrics(store, run.keys, digest_of(read_manifest(store, run.keys), METRICS_NAME))
    published = ReleasePointer(store, spec.hub.publish_repo).read().current
    scores = decisions.assess(metrics, spec.config.gate, published)
    if not all(score.is_met for score in scores):
        records = f"Measured on {metrics.after.samples} validation records"
        raise ModelRejectedError(f"{decisions.gate_table(scores)}\n{records}")
    after = metrics.after
    return Verdict(publish=spec.config.publish.enabled, macro_f1=after.macro_f1, json_valid=after.json_valid)
