"""Stages: Roman or Arabic numerals with their letter; metastatic disease without a stated stage is IV.

Digits below the letter (IIIA2, IA3) are not told apart; grades are no stages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from extraction.alignment import AlignedText, Span
from extraction.lexicon import lexicon
from extraction.vocabulary import vocabulary

_ROMAN = {"0": "0", "1": "I", "2": "II", "3": "III", "4": "IV"}
_NUMERAL = re.compile(
    r"(?<![a-z0-9.+])(iv|iii|ii|i|(?<![tnmpc.\d])[0-4](?!\s*[+/%.\d]))(?:x?e|(?<=i)x|(?<=[iv][iv])s)?"
    r"(?:[ -]?([a-d])(\d)?)?[rp]?(?![a-z0-9])"
)
_TNM = re.compile(
    r"\b[cpyrm]{0,3}t(?:[0-4x]|is)[a-d]?\s*,?\s*[cpyr]{0,2}n[0-3x][a-c]?(?:\s*,?\s*[cpyr]{0,2}m([01x])[a-d]?)?(?![a-z0-9])"
)
_PART_OF_TNM = re.compile(r"\b[cpy]{0,2}[tn][0-4][a-d]?\b")
_GRADE = re.compile(
    r"\b(?:who|isup|nuclear|histologic|nottingham|fnclcc|fuhrman)?\s*(?:grade(?: group)?|gleason)\s*"
    r"(?:iv|iii|ii|i|\d)\b[+\d]*"
)
_IN_PROSE = re.compile(
    r"(?:(?:stage|staged|ajcc|figo|ann arbor|r?-?iss)\W{0,3}(?:[a-z]+\W){0,2}?|"
    r"(?<!class )(?<!type )(?<!phase )(?<!level )(?<!nyha )(?<!factor )(?<!segment )(?=\b[iv]{2,3}))"
    r"(?P<numeral>\b(?:iv|iii|ii|i|[0-4])(?:[ -]?[a-d]\d?)?)(?![a-z0-9])"
    r"(?! (?:fluids?|contrast|access|push|iron|antibiotics?|infusion|line|steroids?|morphine)\b)"
)
_PREFIX = re.compile(r"\b(?:yp|[pc])(?=(?:iv|i{1,3})[a-d]?\d?\b)")
_SPELLED = {"one": "i", "two": "ii", "three": "iii", "four": "iv"}
_EARLIER = re.compile(
    r"\b(?:initial(?:ly)?|original(?:ly)?|previous(?:ly)?|formerly)\W+(?:\w+\W+){0,2}?(?:iv|i{1,3}|[0-4])[a-d]?\d?\b|"
    r"\b(?:stage )?(?:iv|i{1,3}|[0-4])[a-d]?\d? (?:at|on) (?:initial )?(?:diagnosis|presentation)\b"
)
_NOT_METASTATIC = re.compile(r"\bnon-?metasta|\b(?:not|no) (?:\w+ )?metasta|\bwithout (?:\w+ )?metasta|\bm0\b")
_NOW = re.compile(r"\b(?:now|currently?|progressed to|restaged|upstaged to)\b|->")


def stage_items(text: str) -> frozenset[str]:
    """Return the canonical stage of a normalised value: the current one when an earlier one is named too."""
    text = _PREFIX.sub("", re.sub(r"(?<=stage )(?:one|two|three|four)\b", lambda word: _SPELLED[word[0]], text))
    current = _EARLIER.sub(" ", _NOW.split(text)[-1])
    stages = stated_stages(current)
    if not stages and _NOW.search(text) and is_metastatic(current):
        return frozenset({"IV"})
    stages = stages or stated_stages(text)
    if stages:
        return frozenset(stages[:1])
    if tnm := _TNM.search(text):
        return frozenset({"IV" if tnm[1] == "1" else re.sub(r"[\s,]+", "", tnm[0]).upper()})
    if _NOT_METASTATIC.search(text):
        return frozenset({text})
    mentions = lexicon("stage").find(_GRADE.sub(" ", text))
    named = [mention.entry.item for mention in mentions] or [item for item in ("IV",) if is_metastatic(text)]
    return frozenset(named[:1] or {text})


def stated_stages(text: str) -> list[str]:
    """Return the numeral stages that normalised text states, in order, TNM codes and grades left out."""
    without = _TNM.sub(" ", _GRADE.sub(" ", text))
    return [_ROMAN.get(match[1], match[1].upper()) + (match[2] or "").upper() for match in _NUMERAL.finditer(without)]


def stages_in_prose(text: str) -> set[str]:
    """Return the stages that a normalised note states.

    In prose a numeral is a stage after the word (or AJCC, FIGO...), or when it is II to IV and counts nothing else.
    """
    without = _TNM.sub(" ", _GRADE.sub(" ", text))
    return {stage for match in _IN_PROSE.finditer(without) for stage in stated_stages(match["numeral"])}


def stage_mentions(text: str) -> Iterator[tuple[str, Span]]:
    """Yield the same stages, each with its place."""
    without = AlignedText.of(text).sub(_GRADE, " ").sub(_TNM, " ")
    for match in _IN_PROSE.finditer(without.text):
        yield from ((stage, without.origin(match.span())) for stage in stated_stages(match["numeral"]))


def tnm_mentions(text: str) -> Iterator[Span]:
    """Yield the places at which normalised text gives a TNM classification, or a part of one when none is whole."""
    pattern = _TNM if _TNM.search(text) else _PART_OF_TNM
    return (match.span() for match in pattern.finditer(text))


def is_metastatic(text: str) -> bool:
    """Return whether normalised text says that there are distant metastases."""
    return next(metastasis_mentions(text), None) is not None


def metastasis_mentions(text: str) -> Iterator[Span]:
    """Yield the places at which normalised text says that there are distant metastases."""
    return (match.span() for cue in vocabulary("stage")["IV"].cues for match in re.finditer(cue, text))
