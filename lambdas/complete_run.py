"""CompleteRun: the record of a run that succeeded, and the lease given back."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext
from slm_core import clock
from slm_core.documents import find_metrics, find_progress, find_record, read_spec, to_json
from slm_core.environment import Environment, environment
from slm_core.errors import AwsUnavailableError
from slm_core.layout import RunKeys
from slm_core.lease import Lease, LeaseTable
from slm_core.prices import load_prices
from slm_core.records import RunRecord
from slm_core.run_cost import usage_of
from slm_core.run_metrics import show_run
from slm_core.run_record import consumption, instance_record
from slm_core.state import CompletionInput
from slm_core.step import step
from slm_core.store import ObjectStore


@step
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Return the record's status and place."""
    record = complete_run(CompletionInput.model_validate(event), environment())
    return record.model_dump(mode="json", include={"status", "cost_usd", "archive_uri", "hub_revision"})


def complete_run(given: CompletionInput, env: Environment) -> RunRecord:
    """Return the record after writing it and giving the lease back; one that is there already stays.

    Raises: LeaseLostError when another run has taken the instance before there was a record; AwsUnavailableError.
    """
    run, store, leases = given.run, ObjectStore(given.run.bucket), LeaseTable(env.lease_table)
    record = find_record(store, run.keys)
    if record is None:
        made = _record(given, leases.require(run.run_id, run.fence), env)
        # a call that outlived its time-out must not turn the failure that was recorded meanwhile into a success
        is_first = store.put_once(run.keys.record, to_json(made))
        record = made if is_first else _earlier(store, run.keys)
        if is_first:
            show_run(made)
    leases.release(run.run_id, run.fence)
    return record


def _earlier(store: ObjectStore, keys: RunKeys) -> RunRecord:
    record = find_record(store, keys)
    if record is None:
        raise AwsUnavailableError(f"S3 says that {keys.record} exists, and does not show it")
    return record


def _record(given: CompletionInput, lease: Lease, env: Environment) -> RunRecord:
    store, keys = ObjectStore(given.run.bucket), given.run.keys
    spec = read_spec(store, keys)
    prices = load_prices(env.prices_path, spec.config.prices)
    usage = usage_of(lease, prices, consumption(given.execution, env))
    progress = find_progress(store, keys)
    return RunRecord(
        run_id=given.run.run_id,
        run_name=spec.run_name,
        execution_arn=given.execution.arn,
        status="succeeded",
        started_at=given.execution.started_at,
        finished_at=clock.now(),
        instance=instance_record(lease),
        billed_seconds=usage.billed_seconds,
        cost_usd=usage.cost_usd,
        costs=usage.costs,
        relaunches=len(lease.losses),
        last_checkpoint_step=progress.checkpoint_step if progress else None,
        metrics=find_metrics(store, keys),
        archive_uri=given.archive.uri,
        hub_repo=given.publication.repo_id if given.publication else None,
        hub_revision=given.publication.revision if given.publication else None,
    )
