"""Treatments of the data files: from "carboplatin+paclitaxel | -EGFR" to a treatment with its label."""

from __future__ import annotations

import re
from functools import cache

from casebook.case import Treatment
from casebook.catalogue import treatment_entry
from extraction.vocabulary import Entry

_SEPARATOR = re.compile(r"(?<!\bA)\+(?!3\b)")  # "A+AVD" and "7+3" are names
_RADIATION = "radiotherapy"
_TAKEN_AT_HOME = frozenset({"endocrine therapy", "somatostatin analogue", "androgen pathway inhibitor"})
_WITHOUT_THERAPY = frozenset({"best supportive care", "watch and wait", "active surveillance"})
_STAGES = frozenset({"EARLY", "STAGE_III"})
_PREFIXES = ("salvage ", "short-course ", "palliative ", "dose-dense ")


@cache
def treatment(spec: str) -> Treatment:
    """Return the treatment that a specification names.

    Raises: KeyError when the vocabulary does not know a part of it.
    """
    parts = tuple(part.strip() for part in _SEPARATOR.split(spec.split("|", maxsplit=1)[0]))
    entries = [treatment_entry(without_intent(part)) for part in parts]
    labels = [_intent(part) + entry.label for part, entry in zip(parts, entries, strict=True)]
    return Treatment(
        label=listed(labels),
        parts=parts,
        with_radiation=any(part.endswith(_RADIATION) for part in parts) and len(parts) > 1,
    )


def without_intent(part: str) -> str:
    """Return the name of a component without the words that say when or how intensely it is given."""
    for prefix in _PREFIXES:
        if part.startswith(prefix) and part not in {"salvage laryngectomy"}:
            return part.removeprefix(prefix)
    return part


def _intent(part: str) -> str:
    return "salvage " if part.startswith("salvage ") else ""


def listed(items: list[str]) -> str:
    """Return "A", "A and B" or "A, B and C"."""
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def has_target(spec: str) -> bool:
    """Return True when a specification asks for a finding, as targeted drugs do; a stage is no target."""
    return "|" in spec and any(not word.startswith("-") and word not in _STAGES for word in spec.split("|")[1].split())


def is_allowed(spec: str, flags: frozenset[str]) -> bool:
    """Return True when every condition after the bar holds for the flags of a case."""
    conditions = spec.split("|")[1].split() if "|" in spec else []
    return all((word[1:] not in flags) if word.startswith("-") else (word in flags) for word in conditions)


def is_given_in_cycles(parts: tuple[str, ...]) -> bool:
    """Return True when a note may say "four cycles of" it: infused drugs and regimens, no tablets, no radiotherapy."""
    entries = _known(parts)
    classes = {entry.drug_class or "" for entry in entries}
    is_drug = bool(entries) and all(entry.kind in {"drug", "combination", "regimen", "expanded"} for entry in entries)
    return is_drug and not classes & _TAKEN_AT_HOME and not any(map(_is_tablet_class, classes))


def is_oral(parts: tuple[str, ...]) -> bool:
    """Return True when all of it is tablets."""
    entries = _known(parts)
    return bool(entries) and all(_is_tablet_class(entry.drug_class or "") for entry in entries)


def is_no_therapy(parts: tuple[str, ...]) -> bool:
    """Return True for surveillance and supportive care, which nobody prescribes like a drug."""
    return _WITHOUT_THERAPY.issuperset(parts)


def _is_tablet_class(name: str) -> bool:
    return name.endswith("inhibitor") and name != "proteasome inhibitor"


def _known(parts: tuple[str, ...]) -> list[Entry]:
    """Return the vocabulary entries of all parts; none at all when one of them is unknown."""
    try:
        return [treatment_entry(without_intent(part)) for part in parts]
    except KeyError:
        return []
