"""Treatments as atomic drugs and procedures; intent, dose, cycles and order are not compared."""

from __future__ import annotations

import re
from functools import cache

from extraction.lexicon import Mention, lexicon
from extraction.vocabulary import Entry, vocabulary

Items = frozenset[str]

_NOT_GIVEN = re.compile(r"(?:no|none|not|without|declined|refused|deferred|never)\b")
_DECLINED = re.compile(r"\b(?:declined|refused|not (?:given|started|received)|never (?:given|started|received))\b")
_INTENT = re.compile(
    r"\b(?:neo-?adjuvant|adjuvant|maintenance|prior|planned|palliative|(?:first|second|third)[ -]line|salvage|"
    r"s/p|status post|then|followed by|concurrent)\b"
)
_ADDS_NOTHING_BESIDE_OTHERS = {"optional", "watchful"}
_SURGERY = "surgery"


def treatment_items(text: str) -> Items:
    """Return the drugs and procedures that a normalised value names.

    Acronyms with `expands` become their drugs; a category ("chemotherapy") and what a kept acronym `implies` add
    nothing beside the drugs themselves.
    """
    parts = [given for part in re.split(r";", text) if (given := _given(part))]
    by_part = [_regimens_recognised(treatments_named(part)) for part in parts]
    entries = [entry for named in by_part for entry in named]
    unknown = {_bare(part) for part, named in zip(parts, by_part, strict=True) if not named} - {""}
    return frozenset(entry.item for entry in entries if not _is_redundant(entry, entries)) | unknown


def _given(part: str) -> str:
    """Return a part without what was declined, refused or not given."""
    clauses = [
        clause for clause in part.split(",") if not _NOT_GIVEN.match(clause.strip()) and not _DECLINED.search(clause)
    ]
    return ",".join(clauses).strip()


def _regimens_recognised(entries: list[Entry]) -> list[Entry]:
    """Return the entries with all drugs of a regimen replaced by its acronym; leucovorin may be missing."""
    codes = {entry.code for entry in entries}
    for regimen in _regimens():
        drugs = set(regimen.implies) - {"leucovorin"}
        if len(drugs) > 1 and drugs <= codes:
            return [regimen, *(entry for entry in entries if entry.code not in regimen.implies)]
    return entries


def treatments_named(text: str) -> list[Entry]:
    """Return the entries that normalised text names, acronyms written out, in order of mention."""
    return [mention.entry for mention in treatment_mentions(text)]


def treatment_mentions(text: str) -> list[Mention]:
    """Return the same entries with their places; all drugs of an acronym stand where it does."""
    table = vocabulary("treatment")
    return [
        Mention(atom, mention.start, mention.end)
        for mention in lexicon("treatment").find(text)
        for atom in ([table[code] for code in mention.entry.expands] or [mention.entry])
    ]


def reconciled_surgery(left: Items, right: Items) -> tuple[Items, Items]:
    """Return both sides with a bare "surgery" replaced by the operations that the other side names."""
    return _surgery_as_in(left, right), _surgery_as_in(right, left)


def _surgery_as_in(items: Items, other: Items) -> Items:
    operations = other & _operations()
    return (items - {_SURGERY}) | operations if _SURGERY in items and operations else items


@cache
def _regimens() -> tuple[Entry, ...]:
    """Return the regimens that are kept as acronyms, those of most drugs first."""
    regimens = (entry for entry in vocabulary("treatment") if entry.kind == "regimen")
    return tuple(sorted(regimens, key=lambda entry: -len(entry.implies)))


@cache
def _operations() -> Items:
    return frozenset(entry.item for entry in vocabulary("treatment") if entry.kind == "operation")


def _is_redundant(entry: Entry, entries: list[Entry]) -> bool:
    others = [other for other in entries if other.item != entry.item]
    if any(entry.code in other.implies for other in others):
        return True
    if entry.kind == "operation_category":
        return any(other.kind == "operation" for other in others)
    if entry.kind == "drug_category":
        return any(_is_of_category(other, entry) for other in others)
    return entry.kind in _ADDS_NOTHING_BESIDE_OTHERS and bool(others)


def _is_of_category(other: Entry, category: Entry) -> bool:
    if other.kind == "drug_category" or other.drug_class is None:
        return False
    if category.code == "targeted_therapy":
        return other.drug_class.endswith(("inhibitor", "antibody", "conjugate"))
    if category.code == "chemotherapy":
        return other.drug_class in {"chemotherapy", "chemoimmunotherapy", "hypomethylating agent"}
    return other.drug_class == category.drug_class


def _bare(part: str) -> str:
    return re.sub(r"[^a-z0-9+ -]", "", _INTENT.sub("", part)).strip()
