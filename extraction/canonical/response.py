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
_NOT_ASSESSED = re.compile(
    r"^(?:response )?(?:(?:was |is )?not (?:yet )?(?:assess|evalu|avail|determin|reported|reached)\w*|ne|n/e|pending|"
    r"awaiting\b.*|too early\b.*|to be (?:assessed|determined|evaluated)|tbd|not yet\b.*)$"
)
_NO_RESPONSE = re.compile(r"\b(?:no|not|non|did not|without|lack of)[ -](?:\w+ )?(?:response|respond\w*)\b")
_CHANGE = r"(?P<{0}>reduc|decreas|shr[aiu]nk|smaller|regress|increas|gr[eo]w|larger|enlarg)"
_BY_SIZE = re.compile(
    rf"(?P<share>\d+)(?:\.\d+)? ?% (?:\w+ ){{0,3}}?{_CHANGE.format('after')}|"
    rf"{_CHANGE.format('before')}\w* (?:\w+ ){{0,3}}?(?P<share2>\d+)(?:\.\d+)? ?%"
)
_GROWTH = ("increas", "gr", "larger", "enlarg")
_PARTIAL_FROM_PERCENT = 30
_PROGRESSION_FROM_PERCENT = 20
_ABSENT = re.compile(rf"\b(?:no|without)(?: {_FILLER})* (?P<what>recurrence|relapse|progression)(?: of disease)?\b")

_NOT_PROGRESSED = re.compile(r"\bprogression[- ]free\b|\bnon-?progress\w*|\b(?:not|never) progress\w*")


def response_items(text: str) -> frozenset[str]:
    """Return the response states that a normalised value names.

    Entries are tried in file order and what one has matched is gone for the next: "pathologic complete response" is
    no complete response. A state's `implies` are dropped beside it: "complete response, NED" is one state.
    """
    if _NOT_ASSESSED.fullmatch(text):
        return frozenset()
    rest, unanswered = _NO_RESPONSE.subn(" ", _NOT_PROGRESSED.sub("stable disease", _ABSENT.sub(_absence, text)))
    found: list[Entry] = []
    for entry, pattern in _patterns():
        rest, count = pattern.subn(" ", rest)
        if count:
            found.append(entry)
    implied = {code for entry in found for code in entry.implies}
    states = {entry.item for entry in found if entry.code not in implied}
    return frozenset(states or _by_size(text) or {"no response" if unanswered else text})


def _by_size(text: str) -> set[str]:
    """Return the state that a change in per cent means by RECIST: 30 % less, 20 % more, or neither."""
    match = _BY_SIZE.search(text)
    if not match:
        return set()
    percent = int(match["share"] or match["share2"])
    if (match["after"] or match["before"]).startswith(_GROWTH):
        return {"progression" if percent >= _PROGRESSION_FROM_PERCENT else "stable_disease"}
    return {"partial_response" if percent >= _PARTIAL_FROM_PERCENT else "stable_disease"}


def _absence(match: re.Match[str]) -> str:
    return "stable disease" if match["what"] == "progression" else "no evidence of disease"


@cache
def _patterns() -> tuple[tuple[Entry, re.Pattern[str]], ...]:
    return tuple((entry, _pattern(entry)) for entry in vocabulary("response"))


def _pattern(entry: Entry) -> re.Pattern[str]:
    surface = surface_pattern({normalised(form) for form in entry.surface_forms}).pattern
    return re.compile("|".join((surface, *entry.patterns)))
