"""What a run is asked to do: the execution input, out of --input and of a configuration file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from slm_core.training_config import RunRequest, TrainingConfig, load_training_config, parse_request, resolve

from fine_tune_slm.errors import ConfigUndeliverableError

LIMITS = ("max_hours", "budget_usd")


def input_of_config(wanted: TrainingConfig, deployed: TrainingConfig) -> dict[str, Any]:
    """Return the execution input that makes a run of the deployed configuration one of the wanted.

    Raises: ConfigUndeliverableError naming what travels with the deployment only.
    """
    stuck = [name for name in differing_keys(wanted, deployed) if not _travels(name)]
    if stuck:
        raise ConfigUndeliverableError(f"These differ from the deployed configuration: {', '.join(stuck)}")
    # the whole section: what is deployed may be newer or older than this checkout
    asked: dict[str, Any] = {"training": wanted.training.model_dump(mode="json")}
    asked |= {name: getattr(wanted.limits, name) for name in LIMITS}
    return asked | {"publish": wanted.publish.enabled}


def differing_keys(one: TrainingConfig, other: TrainingConfig) -> Iterator[str]:
    """Yield section.key of every value in which two configurations differ."""
    theirs = other.model_dump()
    for section, values in one.model_dump().items():
        yield from (f"{section}.{key}" for key, value in values.items() if value != theirs[section][key])


def merged_input(given: str, config_file: Path | None, deployed: TrainingConfig) -> dict[str, Any]:
    """Return the execution input of --input, on top of what the configuration file asks.

    Raises: ConfigInvalidError, ConfigUndeliverableError.
    """
    content = json.loads(given)
    parse_request(content)
    if config_file is None:
        return dict(content)
    asked = input_of_config(load_training_config(config_file), deployed)
    return asked | content | {"training": asked["training"] | content.get("training", {})}


def resolved(execution_input: Mapping[str, Any], deployed: TrainingConfig) -> tuple[RunRequest, TrainingConfig]:
    """Return the request and the configuration that PrepareRun will make of it.

    Raises: ConfigInvalidError naming every problem.
    """
    request = parse_request(dict(execution_input))
    return request, resolve(deployed, request)


def _travels(name: str) -> bool:
    return name.startswith("training.") or name in {"publish.enabled", *(f"limits.{limit}" for limit in LIMITS)}
