"""Cancer types: the group of the narrowest entry that the text names, by name or by histology and organ."""

from __future__ import annotations

import re
from functools import cache

from extraction.lexicon import Lexicon
from extraction.vocabulary import Entry, vocabulary

_SPREAD = re.compile(
    r"\b(?:metastatic|metastases|metastasis|spread|mets) (?:to|in|involving|of)\b.*|\bwith \w* ?metasta\w+.*"
)


def cancer_items(text: str) -> frozenset[str]:
    """Return the canonical cancers of a normalised value; several primaries are separated by semicolons."""
    items = {entry.item for part in text.split(";") if (entry := _narrowest(_SPREAD.sub(" ", part)))}
    return frozenset(items or {text})


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
