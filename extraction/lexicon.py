"""Finds the concepts of a vocabulary in text: surface forms first by length, so that the longest name wins.

Text given to this file must be normalised (`wording.normalised`). What a found concept means for a field is decided in
`canonical/` and `grounding.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from extraction.schema import Field
from extraction.vocabulary import Entry, vocabulary
from extraction.wording import normalised

_PLURAL_FROM_LENGTH = 4
_HYPHEN_KEPT_TO_LENGTH = 4  # T-ALL is not "tall", AC-T is not "act"


@dataclass(frozen=True)
class Mention:
    """A concept and where the text names it."""

    entry: Entry
    start: int
    end: int


class Lexicon:
    """Surface forms and patterns of some entries, compiled once."""

    def __init__(self, entries: Iterable[Entry], *, with_patterns: bool = True) -> None:
        entries = tuple(entries)
        self._entry_of: dict[str, Entry] = {}
        self._patterns: list[tuple[re.Pattern[str], Entry]] = []
        for entry in entries:
            for form in entry.surface_forms:
                self._entry_of.setdefault(_key(normalised(form)), entry)
            if with_patterns:
                self._patterns += [(re.compile(pattern), entry) for pattern in entry.patterns]
        forms = {normalised(form) for entry in entries for form in entry.surface_forms}
        self._surface = surface_pattern(forms)

    def find(self, text: str) -> list[Mention]:
        """Return the concepts that the text names, in order of appearance; of overlapping mentions the longest."""
        mentions = [
            Mention(self._entry_named(match[0]), match.start(), match.end()) for match in self._surface.finditer(text)
        ]
        for pattern, entry in self._patterns:
            mentions += [Mention(entry, match.start(), match.end()) for match in pattern.finditer(text)]
        return _longest_without_overlap(mentions)

    def _entry_named(self, matched: str) -> Entry:
        key = _key(matched)
        return self._entry_of[key] if key in self._entry_of else self._entry_of[key.removesuffix("s")]


@cache
def lexicon(field: Field) -> Lexicon:
    """Return the lexicon of all entries of a field."""
    return Lexicon(vocabulary(field))


def surface_pattern(forms: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern for whole-word occurrences of any of these normalised forms, the longest tried first.

    A blank also matches a hyphen, a hyphen may be missing from all but the shortest names, and longer ones may carry a
    plural s.
    """
    by_first: dict[str, list[str]] = {}
    for form in sorted(forms, key=lambda form: (-len(form), form)):
        by_first.setdefault(form[0], []).append(_rest_pattern(form))
    # one branch per first character: a position where no form can begin costs one step, not one per form
    branches = [f"{_start_pattern(first)}(?:{'|'.join(rests)})" for first, rests in sorted(by_first.items())]
    return re.compile("|".join(branches) or r"(?!)")


def _start_pattern(first: str) -> str:
    return rf"(?<![a-z0-9]){re.escape(first)}" if first.isalnum() else re.escape(first)


def _rest_pattern(form: str) -> str:
    letters = form.replace("-", "")
    hyphen = "[ -]" if letters.isalpha() and len(letters) <= _HYPHEN_KEPT_TO_LENGTH else "[ -]?"
    of_character = {" ": "[ -]", "-": hyphen}
    body = "".join(of_character.get(letter, re.escape(letter)) for letter in form[1:-1]) + re.escape(form[1:][-1:])
    plural = "s?" if form[-1].isalpha() and len(form) >= _PLURAL_FROM_LENGTH else ""
    after = r"(?![a-z0-9])" if form[-1].isalnum() or form[-1] == "-" else ""
    return f"{body}{plural}{after}"


def _key(form: str) -> str:
    return form[:-1].replace(" ", "").replace("-", "") + form[-1:]


def _longest_without_overlap(mentions: list[Mention]) -> list[Mention]:
    chosen: list[Mention] = []
    for mention in sorted(mentions, key=lambda m: (m.start - m.end, m.start)):
        if all(mention.end <= other.start or other.end <= mention.start for other in chosen):
            chosen.append(mention)
    return sorted(chosen, key=lambda m: m.start)
