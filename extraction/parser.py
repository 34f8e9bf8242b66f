"""From a model's raw output to a record: strict about what counts as valid, lenient about what can still be scored.

Whatever a model writes, parsing returns; it never raises, because one odd answer must not end an evaluation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TypeAlias

from pydantic import BaseModel, ConfigDict

from extraction.schema import FIELDS, Field

Record: TypeAlias = dict[Field, str | None]

_PAIR = re.compile(rf'"({"|".join(FIELDS)})"\s*:\s*(null\b|"(?:[^"\\]|\\.)*")')
_OBJECTS_TRIED = 20
_DEPTH_READ = 3


class ParsedAnswer(BaseModel):
    """A record read from raw output, or none; `is_valid` only when the output was exactly what was asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    record: Record | None
    is_valid: bool


def parse_answer(raw: str) -> ParsedAnswer:
    """Return what can be read from a model's output.

    Valid output is one JSON object with exactly the seven keys, each a string or null. Otherwise the first object in
    the text, or the complete key-value pairs of one that was cut off, are salvaged and count as invalid.
    """
    pairs = _load_pairs(raw)
    if pairs is not None:
        values = dict(pairs)
        has_seven_keys = len(pairs) == len(FIELDS) and values.keys() == set(FIELDS)
        is_valid = has_seven_keys and all(value is None or isinstance(value, str) for value in values.values())
        return ParsedAnswer(record=record_of(values), is_valid=is_valid)
    salvaged = _first_object(raw) or _complete_pairs(raw)
    return ParsedAnswer(record=record_of(salvaged) if salvaged else None, is_valid=False)


def record_of(values: Mapping[str, object]) -> Record:
    """Return the seven fields of any mapping: missing ones None, other keys dropped, lists joined with "; "."""
    return {field: _flat(values.get(field)) for field in FIELDS}


def _load_pairs(raw: str) -> list[tuple[str, object]] | None:
    """Return the pairs of the outermost object, repeated keys included, or None when the text is not one object."""
    try:
        loaded = json.loads(raw, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        return None
    return list(loaded) if isinstance(loaded, _Pairs) else None


class _Pairs(list[tuple[str, object]]):
    """The pairs of one JSON object; a type of its own, so that an object is never taken for an array."""


def _first_object(raw: str) -> dict[str, object]:
    decoder = json.JSONDecoder()
    starts = [match.start() for match in re.finditer(r"\{", raw)][:_OBJECTS_TRIED]
    for start in starts:
        try:
            loaded, _ = decoder.raw_decode(raw, start)
        except (ValueError, RecursionError):
            continue
        if isinstance(loaded, dict) and loaded.keys() & set(FIELDS):
            return loaded
    return {}


def _complete_pairs(raw: str) -> dict[str, object]:
    found: dict[str, object] = {}
    for match in _PAIR.finditer(raw):
        try:
            found.setdefault(match[1], json.loads(match[2]))
        except ValueError:
            continue
    return found


def _flat(value: object, depth: int = _DEPTH_READ) -> str | None:
    if isinstance(value, dict):
        value = _Pairs(value.items())
    if isinstance(value, _Pairs):
        value = [f"{key} {_flat(inner, depth - 1) or ''}" for key, inner in value] if depth else []
    if isinstance(value, list):
        value = "; ".join(filter(None, (_flat(inner, depth - 1) for inner in value))) if depth else ""
    if value is None:
        return None
    return str(value).encode("utf-8", "replace").decode("utf-8").strip() or None
