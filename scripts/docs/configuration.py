"""docs/configuration.md: every key of the configuration, from the models that check it and the files that hold it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel
from slm_core.prices import PriceTable
from slm_core.settings import DEFAULT_ROOT, AwsSettings, SettingSpec, load_setting_specs
from slm_core.training_config import RunRequest, TrainingConfig

from scripts.docs.values import accepted, escaped
from scripts.tables import table

CONFIG = Path(__file__).parents[2] / "config"
TRAINING_FILES = ("training_config.yml", "training_config.local.yml")
PRICED = "usd_per_hour"


def blocks() -> dict[str, str]:
    """Return the tables of docs/configuration.md by their names."""
    tables = {"request": _request(), "training": _training(), "settings": _settings(), "prices": _prices()}
    return {name: "\n".join(lines) + "\n" for name, lines in tables.items()}


def _request() -> Iterator[str]:
    keys = RunRequest.model_json_schema()["properties"].items()
    rows = [(f"`{key}`", escaped(accepted(schema)), schema["description"]) for key, schema in keys]
    yield from table(("key", "accepts", "meaning"), rows)


def _training() -> Iterator[str]:
    files = [yaml.safe_load((CONFIG / name).read_text(encoding="utf-8")) for name in TRAINING_FILES]
    for section, field in TrainingConfig.model_fields.items():
        model: Any = field.annotation
        yield f"### {section}\n\n{_first_line(model)}\n"
        values = [file[section] for file in files]
        yield from (*table(("key", "production", "rehearsal", "accepts", "meaning"), _rows(model, values)), "")


def _rows(model: type[BaseModel], files: list[dict[str, Any]]) -> Iterator[tuple[str, ...]]:
    for key, schema in model.model_json_schema()["properties"].items():
        values = [f"`{_written(file[key])}`" if key in file else "" for file in files]
        yield (f"`{key}`", *values, escaped(accepted(schema)), schema["description"])


def _written(value: object) -> str:
    """Return a value as YAML writes it on one line."""
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("\n...\n").strip()


def _first_line(model: type) -> str:
    return (model.__doc__ or "").split("\n")[0]


def _settings() -> Iterator[str]:
    rows = [_setting_row(spec) for spec in load_setting_specs(CONFIG / "aws_config.yml", DEFAULT_ROOT)]
    yield from table(("parameter", "owner", "default", "accepts", "meaning"), rows)


def _setting_row(spec: SettingSpec) -> tuple[str, ...]:
    category: Any = AwsSettings.model_fields[spec.category].annotation
    schema = category.model_json_schema()["properties"][spec.key]
    meaning = schema["description"] + (f" Look it up: {_found_by(spec.look_up)}" if spec.look_up else "")
    default = f"`{spec.default}`" if spec.default else ""
    return f"`{spec.ssm_param}`", spec.owner, default, escaped(accepted(schema)), escaped(meaning)


def _found_by(look_up: str) -> str:
    return f"`{look_up}`" if look_up.startswith("python ") else look_up


def _prices() -> Iterator[str]:
    schemas = PriceTable.model_json_schema()["properties"]
    content = yaml.safe_load((CONFIG / "prices.yml").read_text(encoding="utf-8"))
    plain = [(f"`{key}`", f"{value}", schemas[key]["description"]) for key, value in content.items() if key != PRICED]
    yield from (*table(("key", "value", "meaning"), plain), "")
    types = [(f"`{name}`", f"{price:g}") for name, price in content[PRICED].items()]
    yield from (f"`{PRICED}`: {schemas[PRICED]['description']}\n", *table(("type", "USD an hour"), types))
