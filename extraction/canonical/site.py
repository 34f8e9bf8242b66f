"""Metastatic sites at organ level."""

from __future__ import annotations

import re

from extraction.lexicon import lexicon

_NONE = re.compile(r"(?:no|none|not|without|absent|negative)\b|m0$|.*\b(?:ruled out|excluded)\b")
_DENIED = re.compile(r"[, (](?:but )?(?:no|not|without)\b.*")
_REGIONAL = re.compile(
    r"(?<!non[ -])(?<!non)\b(?:loco-?)?regional (?:lymph )?(?:nod\w+|lns?\b|(?:lymph)?adenopathy)(?: only)?"
)
REGIONAL_NODES = "regional lymph nodes"


def site_items(text: str) -> frozenset[str]:
    """Return the organs that a normalised value names; "distant metastases" adds nothing beside a named organ."""
    parts = [_DENIED.sub("", part) for part in map(str.strip, text.split(";")) if part and not _NONE.match(part)]
    entries = [mention.entry for part in parts for mention in lexicon("metastasis_site").find(_REGIONAL.sub(" ", part))]
    named = {entry.item for entry in entries if entry.kind != "unspecified"} or {entry.item for entry in entries}
    return frozenset(named | {item for part in parts for item in _unexplained(part)})


def _unexplained(part: str) -> set[str]:
    """Return what no entry explains: regional nodes, which are no metastases, or a part of which nothing is known."""
    if _REGIONAL.search(part):
        return {REGIONAL_NODES}
    return set() if lexicon("metastasis_site").find(part) else {part}
