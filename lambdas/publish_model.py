"""PublishModel: one verified commit on the Hub; the only holder of the token that can write."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import SecretStr
from slm_core import clock
from slm_core.artifacts import digest_of, read_manifest
from slm_core.documents import METRICS_NAME, read_metrics, read_spec
from slm_core.environment import environment
from slm_core.errors import FineTuneSlmError
from slm_core.lease import LeaseTable
from slm_core.parameters import read_token
from slm_core.publication import HubRepository, publish, tag
from slm_core.records import Release
from slm_core.releases import ReleasePointer
from slm_core.state import PreparedRun, Publication, RunInput
from slm_core.step import logger, step
from slm_core.store import ObjectStore


@step
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Return where the adapter was published."""
    run = RunInput.model_validate(event).run
    LeaseTable(environment().lease_table).require(run.run_id, run.fence)
    return publish_model(run).model_dump(mode="json")


def publish_model(run: PreparedRun) -> Publication:
    """Return the published revision, after noting it in the bucket for the next run's gate and for a rollback.

    Raises: ReleaseError's leaves, HubTokenMissingError, HubTokenRefusedError, HubUnavailableError.
    """
    store = ObjectStore(run.bucket)
    spec = read_spec(store, run.keys)
    repository = HubRepository(
        endpoint=spec.hub.endpoint,
        repo_id=spec.hub.publish_repo,
        token=SecretStr(read_token(run.write_token_secret_id)),
        is_private=spec.config.publish.is_private,
    )
    pointer = ReleasePointer(store, repository.repo_id)
    # right after the commit: the pointer never names what the Hub does not have; a retry makes up for a kill in between
    publication = publish(store, run.keys, repository, lambda made: pointer.publish(_release(store, run, made)))
    _tag(repository, publication, run.run_id)
    return publication


def _tag(repository: HubRepository, publication: Publication, run_id: str) -> None:
    """Name the revision after the run; the release is out without it, and the pointer has its revision."""
    try:
        tag(repository, publication, run_id)
    except FineTuneSlmError as error:
        logger.warning("release not tagged", extra={"error": type(error).__name__, "message_text": error.message})


def _release(store: ObjectStore, run: PreparedRun, publication: Publication) -> Release:
    metrics = read_metrics(store, run.keys, digest_of(read_manifest(store, run.keys), METRICS_NAME))
    return Release(
        run_id=run.run_id,
        revision=publication.revision,
        macro_f1=metrics.after.macro_f1,
        samples=metrics.after.samples,
        validation_sha256=metrics.validation_sha256,
        published_at=clock.now(),
    )
