"""What in a note supports each item of a record: where its words stand, and by which rule of `grounding.py`.

The metric decides: an item has evidence exactly when the ungrounded rate does not count it. Of several mentions one is
shown, so that a reader has one place to look at; `_rank` says which.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import pairwise, product

from pydantic import BaseModel, ConfigDict

from extraction import alignment
from extraction.canonical import canonical_items
from extraction.canonical.alteration import item_in_words
from extraction.canonical.biomarker import biomarker_items
from extraction.grounding import GENE_WINDOW_CHARACTERS, Ground, distance, grounds_of
from extraction.parser import Record
from extraction.rules import Rule
from extraction.schema import FIELDS, Field
from extraction.wording import aligned

_WORD = re.compile(r"[^\W_]+(?: ?%)?")
_FROM_WORD, _TO_WORD = re.compile(r"[^\s.,;:(]\S*"), re.compile(r"\S*[^\s.,;:]")
_WORDS_BEFORE, _WORDS_AFTER = 4, 8
_LONGEST_WORD_CHARACTERS = 40
_LONGEST_STATEMENT_CHARACTERS = 60
_END_OF_STATEMENT = re.compile(r"[,;] |\. ")
_AMBIGUOUS_TO_LENGTH = 3
_READ_FROM_A_BARE_NAME = (" positive", " stated")
_SAID = re.compile(r"positiv|\bpos\b|\+|\d|express|(?<!not )detected|present|avid|amplif|strong")

_Reads = Callable[[str], bool]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Span(_Frozen):
    """Words of the note: `note[start:end] == text`, counted in characters (Unicode code points)."""

    start: int
    end: int
    text: str


class ItemEvidence(_Frozen):
    """What the note says for one item of an answer."""

    item: str
    """The canonical item, as the metric counts it."""
    is_grounded: bool
    rule: Rule | None
    """The rule by which the note supports the item; null when nothing in the note does."""
    spans: tuple[Span, ...]
    """The words that do so together, in the order of the note; no two of them overlap."""


Evidence = dict[Field, tuple[ItemEvidence, ...]]


def evidence_of(record: Record, note: str) -> Evidence:
    """Return the evidence for every item of a record's values, in the order in which the values name them."""
    return {field: tuple(_of_item(field, item, note) for item in _ordered(field, record[field])) for field in FIELDS}


def _ordered(field: Field, value: str | None) -> list[str]:
    """Return the canonical items of a value by its parts; what several parts say together comes last."""
    items = canonical_items(field, value)
    by_part = [sorted(canonical_items(field, part) & items) for part in (value or "").split(";")]
    return list(dict.fromkeys([*(item for part in by_part for item in part), *sorted(items)]))


def _of_item(field: Field, item: str, note: str) -> ItemEvidence:
    in_note = aligned(note)
    grounds = [_read_closely(field, item, ground, in_note.text) for ground in grounds_of(field, item, in_note.text)]
    if not grounds:
        return ItemEvidence(item=item, is_grounded=False, rule=None, spans=())
    shown = min(grounds, key=_rank)
    places = [in_note.origin(span) for span in _whole_words(shown.spans, in_note.text)]
    spans = tuple(Span(start=start, end=end, text=note[start:end]) for start, end in places)
    return ItemEvidence(item=item, is_grounded=True, rule=shown.rule, spans=spans)


def _rank(ground: Ground) -> tuple[bool, bool, int, int]:
    """Return what makes a ground come later: nothing but a marker's name, very few letters, words far apart, its place.

    Names of up to three letters often mean something else: PD in PD-L1, PR the receptor. Otherwise the first mention is
    shown: in notes whose facts are known it is the right one as often as the longest or the last.
    """
    length = sum(end - start for start, end in ground.spans)
    gap = sum(distance(left, right) for left, right in pairwise(sorted(ground.spans)))
    return ground.rule == Rule.MARKER_NAMED, length <= _AMBIGUOUS_TO_LENGTH, gap, ground.spans[0][0]


def _read_closely(field: Field, item: str, ground: Ground, text: str) -> Ground:
    """Return a ground of a name with the fewest words around it from which the metric reads the item, if there are."""
    name = ground.spans[0]
    if field == "gene_mutation" and ground.rule == Rule.SURFACE_FORM:
        gene = item.partition(" ")[0]
        near = max(0, name[0] - GENE_WINDOW_CHARACTERS), name[1] + GENE_WINDOW_CHARACTERS
        return _grown(ground, ground.rule, _windows(text, name, near), lambda words: item_in_words(words, gene) == item)
    if ground.rule == Rule.MARKER_NAMED:
        windows = _windows(text, name, _statement(text, name))
        return _grown(
            ground, Rule.MARKER_AND_VALUE, windows, lambda words: _states_value(item, words, text[slice(*name)])
        )
    return ground


def _states_value(item: str, words: str, name: str) -> bool:
    """Return whether words say a marker's value; a name alone is read as positive too, which must then be said."""
    is_said = not item.endswith(_READ_FROM_A_BARE_NAME) or _SAID.search(words.replace(name, "", 1))
    return bool(is_said) and item in biomarker_items(words)


def _statement(text: str, name: alignment.Span) -> alignment.Span:
    """Return how far the words reach that may give the value of a marker."""
    start, end = max(0, name[0] - _LONGEST_STATEMENT_CHARACTERS), name[1] + _LONGEST_STATEMENT_CHARACTERS
    before = [mark.end() for mark in _END_OF_STATEMENT.finditer(text, start, name[0])]
    after = _END_OF_STATEMENT.search(text, name[1], end)
    return before[-1] if before else start, after.start() if after else end


def _grown(ground: Ground, rule: Rule, windows: Iterator[tuple[alignment.Span, str]], reads: _Reads) -> Ground:
    window = next((place for place, words in windows if reads(words)), None)
    return Ground(rule, (window,)) if window else ground


def _windows(text: str, name: alignment.Span, within: alignment.Span) -> Iterator[tuple[alignment.Span, str]]:
    """Yield the runs of words around a name and within limits, with their places, the shortest first."""
    before = [word.start() for word in _FROM_WORD.finditer(text, within[0], name[0])]
    after = [word.end() for word in _TO_WORD.finditer(text, name[1], within[1])]
    starts, ends = [name[0], *reversed(before[-_WORDS_BEFORE:])], [name[1], *after[:_WORDS_AFTER]]
    for left, right in sorted(product(range(len(starts)), range(len(ends))), key=lambda more: (sum(more), more)):
        yield (starts[left], ends[right]), text[starts[left] : ends[right]]


def _whole_words(spans: tuple[alignment.Span, ...], text: str) -> list[alignment.Span]:
    """Return spans widened to whole words, in the order of the text, those with at most a blank between them as one."""
    joined: list[alignment.Span] = []
    for start, end in sorted(_widened(span, text) for span in spans):
        if joined and not text[joined[-1][1] : start].strip():
            joined[-1] = joined[-1][0], max(joined[-1][1], end)
        else:
            joined.append((start, end))
    return joined


def _widened(span: alignment.Span, text: str) -> alignment.Span:
    start, end = span
    around = _WORD.finditer(text, max(0, start - _LONGEST_WORD_CHARACTERS), end + _LONGEST_WORD_CHARACTERS)
    touched = [word.span() for word in around if word.start() < end and start < word.end()]
    return min([start, *(word[0] for word in touched)]), max([end, *(word[1] for word in touched)])
