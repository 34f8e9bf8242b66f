"""Responses: the states that a value names; their order ("X then Y") is not compared."""

from __future__ import annotations

import re
from functools import cache

from extraction.lexicon import surface_pattern
from extraction.vocabulary import Entry, vocabulary
from extraction.wording import normalised

_FILLER = (
    r"(?:clinical|radiographic|imaging|radiologic|evidence|signs?|of|disease|tumor|local|distant|biochemical|or|and|"
    r"further|any|new)"
)
_ABSENT = re.compile(rf"\b(?:no|without)(?: {_FILLER})* (?P<what>recurrence|relapse|progression)(?: of disease)?\b")


def response_items(text: str) -> frozenset[str]:
    """Return the response states that a normalised value names.

    Entries are tried in file order and what one has matched is gone for the next: "pathologic complete response" is
    no complete response. A state's `implies` are dropped beside it: "complete response, NED" is one state.
    """
    rest = _ABSENT.sub(_absence, text)
    found: list[Entry] = []
    for entry, pattern in _patterns():
        rest, count = pattern.subn(" ", rest)
        if count:
            found.append(entry)
    implied = {code for entry in found for code in entry.implies}
    return frozenset({entry.item for entry in found if entry.code not in implied} or {text})


def _absence(match: re.Match[str]) -> str:
    return "stable disease" if match["what"] == "progression" else "no evidence of disease"


@cache
def _patterns() -> tuple[tuple[Entry, re.Pattern[str]], ...]:
    return tuple((entry, _pattern(entry)) for entry in vocabulary("response"))


def _pattern(entry: Entry) -> re.Pattern[str]:
    surface = surface_pattern({normalised(form) for form in entry.surface_forms}).pattern
    return re.compile("|".join((surface, *entry.patterns)))
