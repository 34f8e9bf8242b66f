"""What a configuration key may hold, in words, out of the JSON schema that pydantic makes of a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

NAMES = {"integer": "whole number", "string": "text", "boolean": "true or false", "object": "mapping"}
BOUNDS = (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<"))

COUNTS = (("minItems", "at least"), ("maxItems", "at most"))


def accepted(schema: Mapping[str, Any]) -> str:
    """Return what the schema of one key accepts."""
    if "anyOf" in schema:
        return ", or ".join(accepted(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        return _list(schema)
    return _plain(schema)


def _list(schema: Mapping[str, Any]) -> str:
    counts = [f"{word} {schema[key]}" for key, word in COUNTS if key in schema]
    return f"list of {accepted(schema['items'])}" + (f"; {', '.join(counts)}" if counts else "")


def _plain(schema: Mapping[str, Any]) -> str:
    kind = str(schema.get("type", "anything"))
    name = NAMES.get(kind, kind)
    limits = [f"{sign} {_number(schema[key])}" for key, sign in BOUNDS if key in schema]
    if "pattern" in schema:
        limits.append(f"that matches `{schema['pattern']}`")
    return " ".join((name, " and ".join(limits))).strip()


def _number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else str(value)


def escaped(text: str) -> str:
    """Return text that does not end a table's cell."""
    return text.replace("|", "\\|")
