"""PrepareRun: refuse what cannot work, take the lease and write run.json; no EC2 call is made here."""

from __future__ import annotations

from typing import Any, NamedTuple

from aws_lambda_powertools.utilities.typing import LambdaContext
from slm_core import hub
from slm_core.documents import find_record, require_dataset, to_json
from slm_core.environment import Environment, environment
from slm_core.errors import ConfigInvalidError, RunExistsError, SettingInvalidError
from slm_core.layout import RUN_ID_PATTERN, RunKeys, s3_uri
from slm_core.lease import Lease, LeaseTable, Owner
from slm_core.parameters import read_settings, read_token, secret_name
from slm_core.prices import load_prices
from slm_core.records import BaseModelRef, DatasetManifest, HubTarget, RunSpec
from slm_core.settings import AwsSettings
from slm_core.state import Execution, ExecutionInput, PreparedRun
from slm_core.step import step
from slm_core.store import ObjectStore
from slm_core.training_config import RunRequest, TrainingConfig, load_training_config, parse_request, resolve


@step
def handler(event: dict[str, Any], _context: LambdaContext) -> dict[str, Any]:
    """Return the prepared run; it takes the place of the request."""
    execution = ExecutionInput.model_validate(event).execution
    return prepare_run(execution, event.get("request"), environment()).model_dump(mode="json")


class Plan(NamedTuple):
    """A request that can work, before anyone has the instance."""

    request: RunRequest
    config: TrainingConfig
    settings: AwsSettings
    dataset: DatasetManifest


def prepare_run(execution: Execution, request: object, env: Environment) -> PreparedRun:
    """Return the run after everything that can be known to fail has been looked at.

    Raises: every RequestError; InstanceBusyError; HubUnavailableError.
    """
    plan = _plan(execution, request, env)
    settings = plan.settings
    store, keys = ObjectStore(settings.storage.bucket), RunKeys(execution.name)
    _require_new(store, keys)
    _probe_tokens(plan, env.hf_endpoint)
    owner = Owner(arn=execution.arn, run_id=execution.name, instance_id=settings.instance.id)
    lease = LeaseTable(env.lease_table).acquire(owner)
    store.put(keys.spec, to_json(_spec(execution, plan, lease, env)))
    return PreparedRun(
        run_id=execution.name,
        fence=lease.fence,
        bucket=store.bucket,
        run_uri=s3_uri(store.bucket, keys.spec),
        instance_id=settings.instance.id,
        document_name=settings.command.document_name,
        log_group=settings.command.log_group,
        write_token_secret_id=settings.hub.write_token_secret_id,
    )


def _plan(execution: Execution, given: object, env: Environment) -> Plan:
    request = parse_request(given)
    if not RUN_ID_PATTERN.fullmatch(execution.name):
        raise ConfigInvalidError("The execution's name may hold letters, digits, hyphens and underscores only")
    config = resolve(load_training_config(env.training_config_path), request)
    settings = read_settings(env.aws_config_path, env.parameter_root)
    _require_allowed_name(config, settings.hub.publish_repo)
    prices = load_prices(env.prices_path, config.prices)
    for instance_type in request.instance_types or settings.instance.allowed_types:
        prices.price(instance_type)
    dataset = require_dataset(ObjectStore(settings.storage.bucket), settings.storage.dataset_sha256)
    return Plan(request, config, settings, dataset)


def _require_new(store: ObjectStore, keys: RunKeys) -> None:
    """Refuse a run id that has a record.

    Step Functions frees a name after 90 days, and with the state machine; the bucket keeps the archive under it.
    """
    record = find_record(store, keys)
    if record:
        raise RunExistsError(f"{keys.run_id} is the id of a run that ended at {record.finished_at:%Y-%m-%d %H:%M} UTC")


def _require_allowed_name(config: TrainingConfig, publish_repo: str) -> None:
    base = config.base_model
    if config.publish.enabled and not base.may_be_published_as(publish_repo):
        raise SettingInvalidError(
            f"hub/publish_repo is {publish_repo}, but the licence of {base.repo_id} ({base.licence}) wants the name of"
            f" what is made of it to begin with {base.name_prefix}"
        )


def _probe_tokens(plan: Plan, endpoint: str) -> None:
    ids = plan.settings.hub
    reader = hub.Access(endpoint, read_token(ids.read_token_secret_id), secret_name(ids.read_token_secret_id))
    hub.who_is(reader)
    hub.require_reading(reader, plan.config.base_model.repo_id, ids.base_model_revision)
    if plan.config.publish.enabled:
        writer = hub.Access(endpoint, read_token(ids.write_token_secret_id), secret_name(ids.write_token_secret_id))
        hub.require_writing(hub.who_is(writer), ids.publish_repo, writer.secret_name)


def _spec(execution: Execution, plan: Plan, lease: Lease, env: Environment) -> RunSpec:
    request, config, settings, dataset = plan
    return RunSpec(
        run_id=execution.name,
        run_name=request.run_name or execution.name,
        # the lease's time and not now: writing run.json a second time writes the same
        created_at=lease.acquired_at or execution.started_at,
        execution_arn=execution.arn,
        fence=lease.fence,
        bucket=settings.storage.bucket,
        dataset_sha256=settings.storage.dataset_sha256,
        # asked of the bucket at every run: a manifest that was corrected counts at once
        dataset_is_synthetic=dataset.synthetic,
        dataset_title=dataset.cited_as,
        base_model=BaseModelRef(repo_id=config.base_model.repo_id, revision=settings.hub.base_model_revision),
        hub=HubTarget(
            endpoint=env.hf_endpoint,
            read_token_secret_id=settings.hub.read_token_secret_id,
            publish_repo=settings.hub.publish_repo,
        ),
        image=settings.image.uri,
        config=config,
        instance_types=request.instance_types or settings.instance.allowed_types,
        resume_from=request.resume_from,
        git_commit=env.git_commit,
    )
