"""Prices of instance types: they bind the deadline and go into the run record."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from slm_core.errors import ConfigInvalidError
from slm_core.training_config import Frozen, problems

SECONDS_AN_HOUR = 3600


class PriceTable(Frozen):
    """config/prices.yml."""

    as_of: str = Field(description="Month in which the prices were looked up.")
    region: str = Field(description="Region whose prices these are.")
    source: str = Field(description="Where they were looked up.")
    usd_per_hour: dict[str, float] = Field(min_length=1, description="On-demand price of each instance type.")
    minimum_billed_seconds: float = Field(ge=0, description="Seconds billed for every start at least.")

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


def load_prices(path: Path) -> PriceTable:
    """Return the price table in a YAML file.

    Raises: ConfigInvalidError naming the file and every problem in it.
    """
    try:
        return PriceTable.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise ConfigInvalidError(f"{path.name} is invalid: {problems(error)}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigInvalidError(f"{path.name} cannot be read as YAML ({type(error).__name__})") from error
