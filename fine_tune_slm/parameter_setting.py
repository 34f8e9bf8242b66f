"""One setting changed by hand, and the stages that have settings in this account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from slm_core.prices import PriceTable
from slm_core.settings import DEFAULT_ROOT, SettingSpec

from fine_tune_slm.errors import ArgumentInvalidError
from fine_tune_slm.parameter_check import MENDED_BY
from fine_tune_slm.parameters import read_parameters, value_problem

SETTABLE_OWNERS = ("init", "pipeline")
"""The template's parameters are changed by a deployment, the dataset's by a publication that has uploaded it."""
MARK, TOLD = "command.document_name", "storage.bucket"


@dataclass(frozen=True)
class Change:
    """A setting's value before and after."""

    ssm_param: str
    before: str | None
    after: str

    def line(self) -> str:
        """Return the change as one line for a reader."""
        return f"{self.ssm_param}: {self.before or '(absent)'} -> {self.after}"


@dataclass(frozen=True)
class StageRoot:
    """A stage by its root in Parameter Store."""

    root: str
    bucket: str | None


def set_parameter(ssm: Any, specs: Sequence[SettingSpec], prices: PriceTable, name: str, value: str) -> Change:
    """Return the change after writing a checked value.

    Raises: ArgumentInvalidError saying why the setting cannot have it, ConfigInvalidError when a type has no price.
    """
    spec = next((spec for spec in specs if spec.name == name), None)
    if spec is None:
        known = ", ".join(spec.name for spec in specs if spec.owner in SETTABLE_OWNERS)
        raise ArgumentInvalidError(f"There is no such setting; these can be set: {known}")
    if spec.owner not in SETTABLE_OWNERS:
        raise ArgumentInvalidError(f"{name} is owned by {spec.owner}: {MENDED_BY[spec.owner]}")
    if problem := value_problem(spec, value):
        raise ArgumentInvalidError(f"{name} cannot have this value: {problem}")
    if name == "instance.allowed_types":
        for instance_type in value.split(","):
            prices.price(instance_type.strip())
    before = read_parameters(ssm, [spec.ssm_param]).get(spec.ssm_param)
    ssm.put_parameter(Name=spec.ssm_param, Value=value, Type="String", Overwrite=True)
    return Change(spec.ssm_param, before, value)


def find_stages(ssm: Any, specs: Sequence[SettingSpec]) -> tuple[StageRoot, ...]:
    """Return every stage whose stack has written its settings here; `specs` are those of the default root."""
    suffixes = {spec.name: spec.ssm_param.removeprefix(DEFAULT_ROOT) for spec in specs}
    mark = suffixes[MARK]
    filters = [{"Key": "Name", "Option": "Contains", "Values": [mark]}]
    pages = ssm.get_paginator("describe_parameters").paginate(ParameterFilters=filters)
    names = [one["Name"] for page in pages for one in page["Parameters"] if one["Name"].endswith(mark)]
    roots = sorted(name.removesuffix(mark) for name in names)
    told = read_parameters(ssm, [f"{root}{suffixes[TOLD]}" for root in roots])
    return tuple(StageRoot(root, told.get(f"{root}{suffixes[TOLD]}")) for root in roots)
