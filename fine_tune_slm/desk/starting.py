"""Starts a run of a stack: what it will do, need and cost is said first, and a second one is refused."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from slm_core.documents import require_dataset
from slm_core.errors import ConfigInvalidError
from slm_core.prices import PriceTable, load_prices
from slm_core.records import DatasetManifest
from slm_core.settings import AwsSettings, build_settings, load_setting_specs
from slm_core.sizing.estimate import EstimateRequest, plan_for
from slm_core.sizing.plan import ASSUMED_COUNTS, Plan
from slm_core.sizing.shape import known_shape
from slm_core.store import ObjectStore
from slm_core.training_config import RunRequest, TrainingConfig, load_training_config

from fine_tune_slm.aws import CONFIG_FILE
from fine_tune_slm.deployed_stack import DeployedStack
from fine_tune_slm.desk.execution_request import merged_input, resolved
from fine_tune_slm.desk.stack import StackRun, StackRuns
from fine_tune_slm.errors import ArgumentInvalidError, RunGoesOnError
from fine_tune_slm.parameters import read_parameters
from fine_tune_slm.wording import dollars

PRICES = Path("config/prices.yml")
TRAIN, VALIDATION = "train.jsonl", "validation.jsonl"


@dataclass(frozen=True)
class StartPlan:
    """What a start would begin."""

    stack: DeployedStack
    execution_input: dict[str, Any]
    request: RunRequest
    config: TrainingConfig
    settings: AwsSettings
    dataset: DatasetManifest
    prices: PriceTable
    estimate: Plan | None

    @property
    def instance_types(self) -> tuple[str, ...]:
        """Return the types that the instance may start as, in order."""
        return self.request.instance_types or self.settings.instance.allowed_types

    def rows(self) -> list[tuple[str, str]]:
        """Return the plan as (heading, text)."""
        config, settings = self.config, self.settings
        records = ", ".join(f"{file.records:,} in {name}" for name, file in self.dataset.files.items())
        published = f"{settings.hub.publish_repo}, if it meets the gate"
        return [
            ("stack", self.stack.name),
            ("base model", f"{config.base_model.repo_id} at {settings.hub.base_model_revision[:12]}"),
            ("dataset", f"{settings.storage.dataset_sha256[:12]}, {records}"),
            ("input", json.dumps(self.execution_input)),
            ("instance", f"{settings.instance.id} as {' or '.join(self.instance_types)}"),
            ("publishes to", published if config.publish.enabled else "nothing; the archive is kept"),
            ("estimate", self._estimated()),
            ("at most", self._bound()),
        ]

    def as_json(self) -> dict[str, Any]:
        """Return the plan for machines."""
        chosen = self.estimate.chosen if self.estimate else None
        return {
            "stack": self.stack.name,
            "input": self.execution_input,
            "instance_types": list(self.instance_types),
            "hours": chosen.duration.hours.model_dump() if chosen else None,
            "cost_usd": chosen.cost_usd.model_dump() if chosen and chosen.cost_usd else None,
            "at_most_hours": self._most_hours(),
        }

    def _estimated(self) -> str:
        if self.estimate is None:
            return "none: the model's shape or the instance's GPU is not in the tables of fine-tune-slm plan"
        chosen = self.estimate.chosen
        hours, cost = chosen.duration.hours, chosen.cost_usd
        money = f", {dollars(cost.low)} to {dollars(cost.high)}" if cost else ""
        fits = "" if self.estimate.choice.fits else "; IT DOES NOT FIT the GPU's memory"
        return f"{hours.low:.1f} to {hours.high:.1f} hours{money}{fits}; the arithmetic: fine-tune-slm plan"

    def _bound(self) -> str:
        limits, price = self.config.limits, self.prices.price(self.instance_types[0])
        hours = self._most_hours()
        why = "max_hours" if hours == limits.max_hours else "budget_usd"
        return f"{hours:.1f} hours, {dollars(hours * price)}, by {why}; then the instance is stopped"

    def _most_hours(self) -> float:
        limits, price = self.config.limits, self.prices.price(self.instance_types[0])
        return min(limits.max_hours, limits.budget_usd / price)


def plan_start(stack: DeployedStack, given: str, config_file: Path | None, project: Path) -> StartPlan:
    """Return what a start would begin; what PrepareRun would refuse is refused here, as far as this machine sees it.

    Raises: ConfigInvalidError, ConfigUndeliverableError, SettingMissingError, DatasetMissingError.
    """
    deployed = load_training_config(project / "config" / stack.parameters["TrainingConfigFile"])
    execution_input = merged_input(given, config_file, deployed)
    request, config = resolved(execution_input, deployed)
    settings = _settings(stack, project)
    prices = load_prices(project / PRICES, config.prices)
    types = request.instance_types or settings.instance.allowed_types
    store = ObjectStore(settings.storage.bucket, stack.account.client("s3"))
    dataset = require_dataset(store, settings.storage.dataset_sha256)
    estimate = _estimate(config, types[0], dataset, prices)
    return StartPlan(stack, execution_input, request, config, settings, dataset, prices, estimate)


def require_no_other(runs: StackRuns) -> None:
    """Raise RunGoesOnError while a run of the stack goes on: there is one instance."""
    for execution in runs.executions("RUNNING"):
        when = execution["startDate"].astimezone(UTC)
        name = runs.stack.name
        raise RunGoesOnError(f"Run {execution['name']} of stack {name} goes on since {when:%Y-%m-%d %H:%M} UTC")


def start(runs: StackRuns, execution_input: Mapping[str, Any], prefix: str) -> StackRun:
    """Return the run that was started.

    Raises: RunGoesOnError; ArgumentInvalidError when Step Functions refuses the input.
    """
    require_no_other(runs)
    run = runs.run(f"{prefix}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}")
    states, machine = run.execution.stepfunctions, runs.stack.outputs["StateMachineArn"]
    try:
        states.start_execution(stateMachineArn=machine, name=run.run_id, input=json.dumps(execution_input))
    except states.exceptions.InvalidExecutionInput as error:
        raise ArgumentInvalidError("Step Functions refused the execution input") from error
    return run


def _settings(stack: DeployedStack, project: Path) -> AwsSettings:
    specs = load_setting_specs(project / CONFIG_FILE, stack.outputs["ParameterRoot"])
    return build_settings(specs, read_parameters(stack.account.client("ssm"), [spec.ssm_param for spec in specs]))


def _estimate(config: TrainingConfig, instance_type: str, dataset: DatasetManifest, prices: PriceTable) -> Plan | None:
    records = {"train_records": TRAIN, "validation_records": VALIDATION}
    counted = {key: dataset.files[name].records for key, name in records.items() if name in dataset.files}
    counts = ASSUMED_COUNTS.model_copy(update=counted)
    try:
        shape = known_shape(config.base_model.repo_id)
        request = EstimateRequest(config=config, shape=shape, instance_type=instance_type, counts=counts)
        return plan_for(request, prices)
    except ConfigInvalidError:  # the plan says so: neither limits nor prices depend on it
        return None
