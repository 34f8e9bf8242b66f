"""The record of a run that did not succeed: written by RecordFailure, and by the reaper when the workflow could not."""

from __future__ import annotations

from datetime import timedelta

from botocore.exceptions import BotoCoreError, ClientError

from slm_core import clock
from slm_core.documents import find_metrics, find_progress, find_record, find_spec, to_json
from slm_core.environment import Environment
from slm_core.errors import ModelRejectedError
from slm_core.failure import Explained, explain, with_instance
from slm_core.history import failed_state
from slm_core.layout import RUN_ID_PATTERN, RunKeys, s3_uri
from slm_core.lease import Lease, LeaseTable
from slm_core.prices import load_prices
from slm_core.records import FailureRecord, RunRecord
from slm_core.run_cost import usage_of
from slm_core.run_metrics import show_run
from slm_core.run_record import NEVER_STARTED, consumption, instance_record
from slm_core.state import Execution, FailureInput
from slm_core.store import ObjectStore

_STATES_OF_FAILURE = frozenset({"ForgetRequest", "StopAfterFailure"})
_AT_REST = {NEVER_STARTED, "stopped", "terminated"}
# Step Functions and EventBridge tell an execution's start in milliseconds, cut or rounded
_SAME_START = timedelta(seconds=1)


def record_failure(given: FailureInput, env: Environment, *, keep_lease: bool = False) -> Explained:
    """Return the explained failure after recording it and giving the lease back; a second call changes nothing.

    The record of an earlier execution of the same name stays as it is.
    """
    explained = explain(given.failure)
    run_id = given.execution.name
    if not RUN_ID_PATTERN.fullmatch(run_id):
        return explained
    leases, store, keys = LeaseTable(env.lease_table), ObjectStore(env.bucket_name), RunKeys(run_id)
    lease = leases.read()
    if not lease.is_held_by(run_id):
        recorded = find_record(store, keys)
        if recorded is None:
            _write(store, _record(given, explained, None, env))
        elif recorded.status == "succeeded" and _is_of(given.execution, recorded):
            # CompleteRun outlived its time-outs: the execution has failed all the same, and its record must not deny it
            denied = {"status": "failed", "failure": _failure(given, explained, explained.cause)}
            store.put(keys.record, to_json(recorded.model_copy(update=denied)))
        return explained
    record = _record(given, explained, lease, env)
    _write(store, record)
    # an instance that may still run keeps its lease: the next run takes it over and stops the instance first
    if not keep_lease and (record.instance is None or record.instance.state in _AT_REST):
        leases.release(run_id, lease.fence)
    return explained if record.instance is None else with_instance(explained, record.instance)


def _is_of(execution: Execution, recorded: RunRecord) -> bool:
    """Return whether a record is this execution's: another one of the same name has the same ARN."""
    return abs(recorded.started_at - execution.started_at) < _SAME_START


def _record(given: FailureInput, explained: Explained, lease: Lease | None, env: Environment) -> RunRecord:
    store, keys = ObjectStore(env.bucket_name), RunKeys(given.execution.name)
    spec, progress = find_spec(store, keys), find_progress(store, keys)
    prices = load_prices(env.prices_path, spec.config.prices if spec else None)
    usage = usage_of(lease, prices, consumption(given.execution, env)) if lease else None
    instance = instance_record(lease) if lease else None
    cause = with_instance(explained, instance).cause if instance else explained.cause
    return RunRecord(
        run_id=keys.run_id,
        run_name=spec.run_name if spec else keys.run_id,
        execution_arn=given.execution.arn,
        status="rejected" if explained.error == ModelRejectedError.__name__ else "failed",
        started_at=given.execution.started_at,
        finished_at=clock.now(),
        instance=instance,
        billed_seconds=usage.billed_seconds if usage else None,
        cost_usd=usage.cost_usd if usage else None,
        costs=usage.costs if usage else (),
        relaunches=len(lease.losses) if lease else 0,
        last_checkpoint_step=progress.checkpoint_step if progress else None,
        failure=_failure(given, explained, cause),
        metrics=find_metrics(store, keys),
        archive_uri=s3_uri(store.bucket, keys.archive) if store.read(keys.archive_manifest) else None,
    )


def _write(store: ObjectStore, record: RunRecord) -> None:
    """Write the record; the dashboard counts a run once, however often its failure is recorded."""
    keys = RunKeys(record.run_id)
    is_first = find_record(store, keys) is None
    store.put(keys.record, to_json(record))
    if is_first:
        show_run(record)


def _failure(given: FailureInput, explained: Explained, cause: str) -> FailureRecord:
    return FailureRecord(error=explained.error, cause=cause, state=_failed_state(given))


def _failed_state(given: FailureInput) -> str | None:
    try:
        return failed_state(given.execution.arn, _STATES_OF_FAILURE)
    except (ClientError, BotoCoreError):
        # the record is worth more than this one line of it
        return None
