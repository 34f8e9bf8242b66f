"""A Command document and its parameters, rendered into the script that the host's agent runs. Pure.

Source: https://docs.aws.amazon.com/systems-manager/latest/userguide/documents-syntax-data-elements-parameters.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_PLACEHOLDER = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_DEFAULT_TIMEOUT_SECONDS = 3600
_TIMEOUT_RANGE_SECONDS = range(5, 172_801)


class DocumentError(ValueError):
    """The document is not one that the emulated agent runs."""


class ParametersError(ValueError):
    """The parameters are not what the document allows."""


@dataclass(frozen=True)
class RenderedCommand:
    """What the agent runs."""

    plugin: str
    script: str
    environment: dict[str, str]
    timeout_seconds: int
    working_directory: str | None


def checked_values(content: Mapping[str, Any], given: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the value of every parameter of the document.

    Raises: ParametersError for an unknown one, one without value or default, and one that its pattern does not allow.
    """
    declared: Mapping[str, Any] = content.get("parameters") or {}
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise ParametersError(f"Parameter {unknown[0]} is not in the document")
    return {name: _checked_value(name, declared[name], given.get(name)) for name in declared}


def render(content: Mapping[str, Any], given: Mapping[str, Sequence[str]]) -> RenderedCommand:
    """Return the script, its environment and its time-out.

    A parameter of interpolationType ENV_VAR reaches the script as SSM_<name> and is never pasted into any text: no
    document promises that the agent pastes it elsewhere, so a laptop that did would hide a mistake.

    Raises: DocumentError, ParametersError.
    """
    values = checked_values(content, given)
    step = _only_step(content)
    inputs = step["inputs"]
    as_variables = {name for name in values if content["parameters"][name].get("interpolationType") == "ENV_VAR"}
    pasted = {name: value for name, value in values.items() if name not in as_variables}
    working_directory = inputs.get("workingDirectory")
    return RenderedCommand(
        plugin=str(step["name"]),
        script="\n".join(_pasted(str(line), pasted) for line in inputs["runCommand"]),
        environment={f"SSM_{name}": values[name] for name in as_variables},
        timeout_seconds=_timeout_seconds(_pasted(str(inputs.get("timeoutSeconds", "")), pasted)),
        working_directory=_pasted(str(working_directory), pasted) if working_directory else None,
    )


def _checked_value(name: str, declaration: Mapping[str, Any], given: Sequence[str] | None) -> str:
    if declaration.get("type", "String") != "String":
        raise DocumentError(f"Parameter {name} is of type {declaration['type']}; the emulated agent knows String only")
    if given is None and "default" not in declaration:
        raise ParametersError(f"Parameter {name} has no value")
    value = str(given[0]) if given else str(declaration["default"])
    pattern, allowed = declaration.get("allowedPattern"), declaration.get("allowedValues")
    if given and pattern and not re.search(pattern, value):
        raise ParametersError(f"Parameter {name} does not match its allowedPattern")
    if given and allowed and value not in [str(choice) for choice in allowed]:
        raise ParametersError(f"Parameter {name} is none of its allowedValues")
    return value


def _only_step(content: Mapping[str, Any]) -> Mapping[str, Any]:
    steps = content.get("mainSteps") or []
    is_known = content.get("schemaVersion") == "2.2" and len(steps) == 1
    if not is_known or steps[0].get("action") != "aws:runShellScript":
        raise DocumentError("The emulated agent runs documents of schema 2.2 with one aws:runShellScript step")
    step: Mapping[str, Any] = steps[0]
    return step


def _pasted(text: str, values: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), text)


def _timeout_seconds(text: str) -> int:
    # The agent takes its default silently where AWS's document says nothing useful about it.
    seconds = int(text) if text.isdecimal() else _DEFAULT_TIMEOUT_SECONDS
    return seconds if seconds in _TIMEOUT_RANGE_SECONDS else _DEFAULT_TIMEOUT_SECONDS
