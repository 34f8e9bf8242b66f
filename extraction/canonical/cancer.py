"""Cancer types: the group of the narrowest entry that the text names, by name or by histology and organ."""

from __future__ import annotations

import re
from functools import cache

from extraction.lexicon import Lexicon
from extraction.vocabulary import Entry, vocabulary

_SPREAD = re.compile(
    r"^.*\b(?:metastas[ei]s|mets) from\b|"
    r"\b(?:metastatic|metastases|metastasis|spread|mets) (?:to|in|involving|of)\b.*|"
    r"\bwith (?:\w+ ){0,3}(?:metasta\w+|mets)\b.*|"
    r"\([^()]*\b(?:metastas[ei]s|mets)\b[^()]*\)|, ?(?:[\w/&]+ ){0,5}(?:metastas[ei]s|mets)\b.*"
)
_KIND = re.compile(r"cancer|carcinoma|melanoma|lymphoma|sarcoma|leukemia|myeloma|blastoma|glioma|mesothelioma|\bca\b")


def cancer_items(text: str) -> frozenset[str]:
    """Return the canonical cancers of a normalised value; several primaries are separated by semicolons."""
    parts = [cancer for part in text.split(";") for cancer in _cancers(_SPREAD.sub(" ", part))]
    items = {entry.item for part in parts if (entry := _narrowest(part))}
    return frozenset(items or {text})


def _cancers(part: str) -> list[str]:
    """Return the part, or both its halves when each of them is a cancer of its own: "breast cancer and melanoma"."""
    halves = re.split(r" and | & ", part)
    are_two = len(halves) == 2 and all(_KIND.search(half) and _narrowest(half) for half in halves)
    return halves if are_two else [part]


def _narrowest(part: str) -> Entry | None:
    """Return the entry that stands first in the data file among those named; narrow entries precede broad ones."""
    named = {mention.entry.code for mention in _names().find(part)}
    for entry in vocabulary("cancer_type"):
        if entry.code in named or any(re.search(pattern, part) for pattern in entry.patterns):
            return entry
    return None


@cache
def _names() -> Lexicon:
    return Lexicon(vocabulary("cancer_type"), with_patterns=False)
