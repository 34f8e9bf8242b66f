"""Creates the parameters that config/aws_config.yml names and that neither the template nor the image pipeline owns.

A plan is made first and can be shown without effect; an existing value is never replaced unless the caller says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError
from slm_core.settings import AwsSettings, SettingSpec
from slm_core.training_config import problems

from fine_tune_slm.errors import ArgumentInvalidError, ParametersIncompleteError

NAMES_PER_CALL = 10
"""What ssm:GetParameters takes at most."""


class Action(StrEnum):
    """What is done about one parameter."""

    CREATE = "create"
    OVERWRITE = "overwrite"
    KEEP = "keep"
    NEEDS_VALUE = "needs_value"
    OWNED = "owned_by_another"


@dataclass(frozen=True)
class PlannedParameter:
    """One parameter and what is done about it."""

    spec: SettingSpec
    action: Action
    value: str | None = None
    existing: str | None = None

    @property
    def is_written(self) -> bool:
        """Return whether the plan puts a value into Parameter Store."""
        return self.action in {Action.CREATE, Action.OVERWRITE}

    def line(self) -> str:
        """Return the plan for this parameter as one line for a reader."""
        return f"{self.spec.ssm_param}: {self._what()}"

    def as_json(self) -> dict[str, str | None]:
        """Return the plan for this parameter for machines."""
        return {**_told(self.spec), "action": self.action, "value": self.value, "existing": self.existing}

    def _what(self) -> str:
        if self.action is Action.OWNED:
            present = "absent" if self.existing is None else "present"
            return f"owned by {self.spec.owner} ({present}), left alone"
        if self.action is Action.NEEDS_VALUE:
            return f"needs a value; find it with: {self.spec.look_up or 'see config/aws_config.yml'}"
        if self.action is Action.KEEP:
            differs = self.value is not None and self.value != self.existing
            return f"exists: {self.existing}" + (
                f" (not {self.value}: --overwrite would replace it)" if differs else ""
            )
        return f"create: {self.value}" if self.existing is None else f"overwrite: {self.existing} -> {self.value}"


@dataclass(frozen=True)
class Setting:
    """One setting and what is stored of it."""

    spec: SettingSpec
    stored: str | None

    def line(self) -> str:
        """Return the setting as one line for a reader."""
        default = f"(default) {self.spec.default}" if self.spec.default else "(absent)"
        return f"{self.spec.ssm_param}  owner {self.spec.owner}  {self.stored or default}"

    def as_json(self) -> dict[str, str | None]:
        """Return the setting for machines; a run reads the default where nothing is stored."""
        return {**_told(self.spec), "stored": self.stored, "default": self.spec.default}


def _told(spec: SettingSpec) -> dict[str, str | None]:
    return {"name": spec.name, "parameter": spec.ssm_param, "owner": spec.owner}


def read_parameters(ssm: Any, names: Sequence[str]) -> dict[str, str]:
    """Return the values of those named parameters that exist."""
    found: dict[str, str] = {}
    for start in range(0, len(names), NAMES_PER_CALL):
        answer = ssm.get_parameters(Names=list(names[start : start + NAMES_PER_CALL]))
        found |= {item["Name"]: item["Value"] for item in answer["Parameters"]}
    return found


def parse_assignments(assignments: Iterable[str], specs: Iterable[SettingSpec]) -> dict[str, str]:
    """Return {category.key: value} of `category.key=value` arguments, each checked against its setting's rules.

    Raises: ArgumentInvalidError naming every problem at once.
    """
    by_name = {spec.name: spec for spec in specs}
    values: dict[str, str] = {}
    wrong: list[str] = []
    for assignment in assignments:
        name, separator, value = assignment.partition("=")
        problem = _assignment_problem(by_name.get(name), value) if separator else "no = in it"
        if problem:
            wrong.append(f"{name if name in by_name else 'a --set'}: {problem}")
        values[name] = value
    if wrong:
        raise ArgumentInvalidError(f"--set cannot be used: {'; '.join(wrong)}")
    return values


def _assignment_problem(spec: SettingSpec | None, value: str) -> str | None:
    if spec is None:
        return "config/aws_config.yml has no such category.key"
    if spec.owner != "init":
        return f"owned by {spec.owner}"
    return value_problem(spec, value)


def value_problem(spec: SettingSpec, value: str) -> str | None:
    """Return why a setting cannot have a value, or None; the value itself is not repeated."""
    category = AwsSettings.model_fields[spec.category].annotation
    field = category.model_fields[spec.key]  # type: ignore[union-attr]
    try:
        TypeAdapter(Annotated[field.annotation, field]).validate_python(value)
    except ValidationError as error:
        return problems(error).removeprefix("(whole): ")
    return None


def plan_parameters(
    specs: Iterable[SettingSpec], existing: Mapping[str, str], assigned: Mapping[str, str], *, overwrite: bool = False
) -> tuple[PlannedParameter, ...]:
    """Return what to do about every setting; without `overwrite` nothing that exists is replaced."""
    return tuple(_plan(spec, existing.get(spec.ssm_param), assigned.get(spec.name), overwrite) for spec in specs)


def _plan(spec: SettingSpec, existing: str | None, assigned: str | None, overwrite: bool) -> PlannedParameter:
    value = assigned if assigned is not None else spec.default
    if spec.owner != "init":
        return PlannedParameter(spec, Action.OWNED, existing=existing)
    if existing is not None:
        replaces = overwrite and value is not None and value != existing
        return PlannedParameter(spec, Action.OVERWRITE if replaces else Action.KEEP, value, existing)
    return PlannedParameter(spec, Action.CREATE if value is not None else Action.NEEDS_VALUE, value)


def apply_plan(ssm: Any, plan: Iterable[PlannedParameter]) -> None:
    """Write what the plan creates or overwrites; a parameter created by someone else since then is not replaced."""
    for planned in plan:
        if planned.is_written:
            ssm.put_parameter(
                Name=planned.spec.ssm_param,
                Value=planned.value,
                Type="String",
                Overwrite=planned.action is Action.OVERWRITE,
            )


def init_parameters(
    ssm: Any,
    specs: Sequence[SettingSpec],
    assigned: Mapping[str, str],
    *,
    overwrite: bool = False,
    dry_run: bool = False,
) -> tuple[PlannedParameter, ...]:
    """Create every missing parameter that has a value, and return the plan that was followed."""
    existing = read_parameters(ssm, [spec.ssm_param for spec in specs])
    plan = plan_parameters(specs, existing, assigned, overwrite=overwrite)
    if not dry_run:
        apply_plan(ssm, plan)
    return plan


def require_finished(plan: Iterable[PlannedParameter], *, dry_run: bool = False) -> None:
    """Raise ParametersIncompleteError when parameters still need a value that only the user can give."""
    names = [planned.spec.name for planned in plan if planned.action is Action.NEEDS_VALUE]
    if names and not dry_run:
        raise ParametersIncompleteError(f"Parameters without a value: {', '.join(names)}")
