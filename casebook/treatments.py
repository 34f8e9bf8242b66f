"""Treatments of the data files: from "carboplatin+paclitaxel | -EGFR" to a treatment with its label."""

from __future__ import annotations

import re
from functools import cache

from casebook.case import Treatment
from casebook.catalogue import treatment_entry

_SEPARATOR = re.compile(r"(?<!\bA)\+(?!3\b)")  # "A+AVD" and "7+3" are names
_RADIATION = "radiotherapy"
_PREFIXES = ("salvage ", "short-course ", "palliative ", "dose-dense ")


@cache
def treatment(spec: str) -> Treatment:
    """Return the treatment that a specification names.

    Raises: KeyError when the vocabulary does not know a part of it.
    """
    parts = tuple(part.strip() for part in _SEPARATOR.split(spec.split("|", maxsplit=1)[0]))
    entries = [treatment_entry(_bare(part)) for part in parts]
    labels = [_intent(part) + entry.label for part, entry in zip(parts, entries, strict=True)]
    return Treatment(
        label=listed(labels),
        parts=parts,
        with_radiation=any(part.endswith(_RADIATION) for part in parts) and len(parts) > 1,
    )


def _bare(part: str) -> str:
    for prefix in _PREFIXES:
        if part.startswith(prefix) and part not in {"salvage laryngectomy"}:
            return part.removeprefix(prefix)
    return part


def _intent(part: str) -> str:
    return "salvage " if part.startswith("salvage ") else ""


def listed(items: list[str]) -> str:
    """Return "A", "A and B" or "A, B and C"."""
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + " and " + items[-1]


def is_allowed(spec: str, flags: frozenset[str]) -> bool:
    """Return True when every condition after the bar holds for the flags of a case."""
    conditions = spec.split("|")[1].split() if "|" in spec else []
    return all((word[1:] not in flags) if word.startswith("-") else (word in flags) for word in conditions)
