"""How an answer that ran out of room is brought to its end: what was said in full stays, the rest becomes null."""

from __future__ import annotations

import json
import re

from extraction.parser import parse_answer
from extraction.schema import FIELDS, LONGEST_VALUE_CHARACTERS

_OPEN_VALUE = re.compile(rf'"({"|".join(FIELDS)})":"([^"]*)$')
_VALUE = re.compile(rf'"(?:{"|".join(FIELDS)})":"([^"]*)"')


def close_answer(text: str) -> str:
    """Return a valid answer with all that the beginning of one has said.

    Of a value that was being written, the items before its last semicolon are kept: the last may be half a word.
    """
    record = parse_answer(text).record or {}
    values = {field: record.get(field) for field in FIELDS}
    if (open_value := _OPEN_VALUE.search(text)) is not None:
        items, _, _ = open_value[2].rpartition(";")
        values |= {field: items.strip() or None for field in FIELDS if field == open_value[1]}
    return json.dumps(values, ensure_ascii=False, separators=(",", ":"))


def has_cut_value(text: str) -> bool:
    """Return whether a value of an answer is as long as any may be, so that it was ended from outside."""
    return any(len(value) >= LONGEST_VALUE_CHARACTERS for value in _VALUE.findall(text))
