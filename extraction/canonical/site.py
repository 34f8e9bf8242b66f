"""Metastatic sites at organ level."""

from __future__ import annotations

import re

from extraction.lexicon import lexicon

_NONE = re.compile(r"(?:no|none|not|without|absent|negative)\b")


def site_items(text: str) -> frozenset[str]:
    """Return the organs that a normalised value names; "distant metastases" adds nothing beside a named organ."""
    if _NONE.match(text):
        return frozenset()
    entries = [mention.entry for mention in lexicon("metastasis_site").find(text)]
    named = {entry.item for entry in entries if entry.kind != "unspecified"} or {entry.item for entry in entries}
    return frozenset(named or {text})
