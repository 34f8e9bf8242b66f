"""One spelling for text that is to be compared: case, dashes, British forms and blanks do not change a meaning."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict

from extraction.alignment import AlignedText

WORDING_FILE = Path(__file__).with_name("wording.yml")
_BLANKS = re.compile(r"\s+")


class _Wording(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    spelling: dict[str, str]
    characters: dict[str, str]
    nothing: frozenset[str]


@lru_cache(maxsize=8192)
def normalised(text: str) -> str:
    """Return text in the form in which surface forms and patterns are matched: lower case, plain dashes, one blank."""
    text = text.lower().translate(_characters())
    for pattern, replacement in _spellings():
        text = pattern.sub(replacement, text)
    return " ".join(text.split())


@lru_cache(maxsize=256)
def aligned(text: str) -> AlignedText:
    """Return the same as `normalised`, with the place in the text from which each character came."""
    changed = AlignedText.of(text).lower().translate(_characters())
    for pattern, replacement in _spellings():
        changed = changed.sub(pattern, replacement)
    return changed.sub(_BLANKS, " ").stripped()


def cleaned_value(value: str | None) -> str:
    """Return a field's value normalised, or the empty string when it says nothing ("none", "n/a", "not reported")."""
    text = normalised(value or "").strip(" .;,")
    return "" if text in _wording().nothing else text


@cache
def _wording() -> _Wording:
    return _Wording.model_validate(yaml.safe_load(WORDING_FILE.read_text(encoding="utf-8")))


@cache
def _characters() -> dict[int, str]:
    return str.maketrans(_wording().characters)


@cache
def _spellings() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(pattern), replacement) for pattern, replacement in _wording().spelling.items())
