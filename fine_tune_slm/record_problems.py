"""Says in the words of a dataset's author why a line is no record of the schema, and never by the line's text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from slm_core.training_config import problems


def record_problems(error: ValidationError) -> str:
    """Return every problem of a record, by field."""
    return problems(error, _wording).removeprefix("(whole): ")


def _wording(item: Mapping[str, Any]) -> str | None:
    """Return a reason that says what to write; None where pydantic's own is as clear."""
    kind = item["type"]
    if kind == "string_type":
        return _no_string(item["input"])
    if kind == "string_too_short" and item["loc"][:1] == ("output",):
        return "is empty; write null where the note says nothing"
    if kind == "string_too_long":
        longest = item["ctx"]["max_length"]
        return f'has more than {longest} characters; write its items alone, joined with "; ", without sentences'
    return {
        "model_type": "not a JSON object",
        "string_pattern_mismatch": "begins or ends with white space; strip it",
        "string_too_short": "is empty",
        "string_unicode": "holds half of a surrogate pair, which is no character",
    }.get(kind)


def _no_string(value: object) -> str:
    if isinstance(value, list):
        return 'is a list; join the items with "; "'
    return "is null" if value is None else "is no string; write it in quotation marks"
