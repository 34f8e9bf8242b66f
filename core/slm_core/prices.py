"""Prices: an hour of an instance binds the deadline, and all go into the estimate and the run record."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from slm_core.errors import ConfigInvalidError
from slm_core.training_config import Frozen, PriceOverrides, problems

SECONDS_AN_HOUR = 3600
HOURS_A_MONTH = 730
"""As AWS's own price calculator has it."""


class PriceTable(Frozen):
    """config/prices.yml."""

    as_of: str = Field(description="Month in which the prices were looked up.")
    region: str = Field(description="Region whose prices these are.")
    source: str = Field(description="Where they were looked up.")
    usd_per_hour: dict[str, float] = Field(min_length=1, description="On-demand price of each instance type.")
    minimum_billed_seconds: float = Field(ge=0, description="Seconds billed for every start at least.")
    usd_per_gib_month: float = Field(ge=0, description="Price of gp3 storage, a GiB and month.")
    usd_per_bucket_gib_month: float = Field(ge=0, description="Price of S3 storage, a GiB and month.")
    usd_per_1000_state_transitions: float = Field(ge=0, description="Step Functions' price of 1,000 transitions.")
    usd_per_million_function_calls: float = Field(ge=0, description="Lambda's price of a million calls.")

    def price(self, instance_type: str) -> float:
        """Return the price of a type.

        Units: USD an hour.
        Raises: ConfigInvalidError when the table lacks the type.
        """
        if instance_type not in self.usd_per_hour:
            raise ConfigInvalidError(f"config/prices.yml has no price for {instance_type}, so budget_usd binds nothing")
        return self.usd_per_hour[instance_type]

    def billed_seconds(self, running: timedelta) -> float:
        """Return what AWS bills for one start of an instance."""
        return max(running.total_seconds(), self.minimum_billed_seconds)

    def cost_usd(self, instance_type: str, billed_seconds: float) -> float:
        """Return the cost of so many billed seconds."""
        return self.price(instance_type) * billed_seconds / SECONDS_AN_HOUR

    def storage_usd(self, size_gib: float, seconds: float) -> float:
        """Return the cost of keeping volumes of this size for so long."""
        return self.usd_per_gib_month * size_gib * seconds / SECONDS_AN_HOUR / HOURS_A_MONTH

    def transitions_usd(self, transitions: float) -> float:
        """Return the cost of so many state transitions."""
        return self.usd_per_1000_state_transitions * transitions / 1000

    def calls_usd(self, calls: float) -> float:
        """Return the cost of so many function calls, their computing time left out."""
        return self.usd_per_million_function_calls * calls / 1_000_000

    def overridden(self, overrides: PriceOverrides | None) -> PriceTable:
        """Return the table with the prices that a configuration states in place of its own."""
        if overrides is None:
            return self
        changes = overrides.model_dump(exclude_none=True)
        return self.model_copy(update=changes | {"usd_per_hour": self.usd_per_hour | overrides.usd_per_hour})


def load_prices(path: Path, overrides: PriceOverrides | None = None) -> PriceTable:
    """Return the price table in a YAML file, with what a configuration overrides.

    Raises: ConfigInvalidError naming the file and every problem in it.
    """
    try:
        table = PriceTable.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise ConfigInvalidError(f"{path.name} is invalid: {problems(error)}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigInvalidError(f"{path.name} cannot be read as YAML ({type(error).__name__})") from error
    return table.overridden(overrides)
