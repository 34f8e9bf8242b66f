"""What the checks look at; everything is read when a check first asks for it, and once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any

from slm_core.errors import SettingMissingError
from slm_core.prices import PriceTable, load_prices
from slm_core.settings import SettingSpec
from slm_core.training_config import TrainingConfig, load_training_config

from fine_tune_slm.aws import ClientSource
from fine_tune_slm.deployed_stack import PREPARE_RUN, DeployedStack
from fine_tune_slm.parameters import read_parameters

DEFAULT_CONFIG = "training_config.yml"


class Occasion(StrEnum):
    """When the doctor is asked."""

    DEPLOYED = "deployed"
    BEFORE_DEPLOY = "before-deploy"
    LOCAL = "local"


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    occasion: Occasion
    project: Path
    root: Path
    dataset: Path
    config_file: str | None
    stack_name: str


@dataclass(frozen=True)
class Context:
    """The account, the checkout and the question."""

    request: Request
    account: ClientSource
    specs: tuple[SettingSpec, ...]

    @cached_property
    def stack(self) -> DeployedStack:
        """Return the deployed stack.

        Raises: StackMissingError.
        """
        return DeployedStack(self.request.stack_name, self.account)

    @cached_property
    def parameters(self) -> dict[str, str]:
        """Return what Parameter Store holds, by the parameters' names."""
        return read_parameters(self.account.client("ssm"), [spec.ssm_param for spec in self.specs])

    @cached_property
    def config_file(self) -> str:
        """Return the configuration that was asked for, or else the one that the stack runs with input {}."""
        if self.request.config_file or self.request.occasion is not Occasion.DEPLOYED:
            return self.request.config_file or DEFAULT_CONFIG
        return self.stack.function_environment(PREPARE_RUN).get("TRAINING_CONFIG_FILE", DEFAULT_CONFIG)

    @cached_property
    def config(self) -> TrainingConfig:
        """Return the training configuration.

        Raises: ConfigInvalidError.
        """
        return load_training_config(self.request.project / "config" / self.config_file)

    @cached_property
    def prices(self) -> PriceTable:
        """Return the price table.

        Raises: ConfigInvalidError.
        """
        return load_prices(self.request.project / "config" / "prices.yml")

    @cached_property
    def instance_types(self) -> tuple[str, ...]:
        """Return the types that a run may start as, in order of preference."""
        return tuple(part.strip() for part in self.setting("instance.allowed_types").split(","))

    def setting(self, name: str) -> str:
        """Return one setting's stored value or its default; before a deployment the default.

        Raises: SettingMissingError.
        """
        spec = next(spec for spec in self.specs if spec.name == name)
        stored = None if self.request.occasion is Occasion.BEFORE_DEPLOY else self.parameters.get(spec.ssm_param)
        value = stored or spec.default
        if value is None:
            raise SettingMissingError(f"Parameter Store lacks {spec.ssm_param} (owner: {spec.owner})")
        return value

    def instance(self) -> dict[str, Any]:
        """Return the GPU instance as EC2 describes it."""
        found = self.account.client("ec2").describe_instances(InstanceIds=[self.setting("instance.id")])
        described: dict[str, Any] = found["Reservations"][0]["Instances"][0]
        return described
