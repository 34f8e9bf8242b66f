"""Where and by which rule a note supports a canonical item: by its name there, or by a named rule of inference.

An answer may only say what its note says. A generous check is meant: it calls an item ungrounded only when nothing in
the note speaks for it, so that the ungrounded rate counts inventions and not unusual wordings. The rules yield places
one by one: the metric asks for the first alone, `evidence.py` looks at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain, islice

from extraction.alignment import AlignedText, Span
from extraction.canonical.alteration import genes_named, item_in_words
from extraction.canonical.biomarker import marker_mentions, markers_named
from extraction.canonical.hgvs import aligned_one_letter
from extraction.canonical.stage import metastasis_mentions, stage_mentions, tnm_mentions
from extraction.canonical.treatment import treatment_mentions
from extraction.lexicon import Mention, surface_pattern
from extraction.rules import Rule
from extraction.schema import Field
from extraction.vocabulary import Entry, vocabulary
from extraction.wording import normalised

_HISTOLOGY = re.compile(r"carcinoma|cancer|adenoca|tumor|sarcoma|neoplas|malignan|\bca\b|\bprimary\b")
GENE_WINDOW_CHARACTERS = 80
_MOST_GROUNDS = 64  # a note of nothing but one word must not take minutes
_WORDS_OF_ALTERATION = {
    "fusion": r"fusion|rearrang|translocat|positiv|::",
    "amplification": r"amplif|copy[- ]number|gain",
    "loss": r"loss|lost|delet|absent",
    "promoter": r"promoter|tertp",
    "splice": r"splic",
    "ITD": r"\bitd\b|tandem",
}


@dataclass(frozen=True)
class Ground:
    """Words that support an item, in one place or in several that do so together, as spans of normalised text."""

    rule: Rule
    spans: tuple[Span, ...]


@lru_cache(maxsize=65536)
def support(field: Field, item: str, note: str) -> Rule | None:
    """Return the rule by which the note supports a canonical item, or None when nothing in it does."""
    first = next(_grounds(field, item, normalised(note)), None)
    return first.rule if first else None


def is_grounded(field: Field, item: str, note: str) -> bool:
    """Return whether the note supports a canonical item."""
    return support(field, item, note) is not None


def grounds_of(field: Field, item: str, text: str) -> list[Ground]:
    """Return the grounds that normalised text gives an item by the rule of `support`, of very many the first ones."""
    found = list(islice(_grounds(field, item, text), _MOST_GROUNDS))
    return [ground for ground in found if ground.rule == found[0].rule]


def is_mentioned(field: Field, item: str, note: str) -> bool:
    """Return whether a note so much as speaks of an item: it supports it, or names its gene or marker at all."""
    if is_grounded(field, item, note):
        return True
    if field == "gene_mutation":
        return item.partition(" ")[0] in {mention.entry.code for mention in genes_named(normalised(note))}
    return field == "biomarker" and item.rpartition(" ")[0] in markers_named(normalised(note))


def _grounds(field: Field, item: str, text: str) -> Iterator[Ground]:
    yield from _RULES.get(field, _by_vocabulary)(field, item, text)
    if field != "stage":
        yield from _matches(Rule.VERBATIM, surface_pattern({normalised(item)}), text)


def _matches(rule: Rule, pattern: str | re.Pattern[str], text: str) -> Iterator[Ground]:
    return (Ground(rule, (match.span(),)) for match in re.finditer(pattern, text))


def _by_vocabulary(field: Field, item: str, text: str) -> Iterator[Ground]:
    entries = _entries_of(field, item)
    for entry in entries:
        yield from _matches(Rule.SURFACE_FORM, _surface(field, entry.code), text)
    for entry in entries:
        yield from chain.from_iterable(_matches(Rule.WORDING, pattern, text) for pattern in entry.patterns)
    for entry in entries:
        yield from chain.from_iterable(_matches(Rule.INFERENCE, cue, text) for cue in entry.cues)


def _cancer(field: Field, item: str, text: str) -> Iterator[Ground]:
    yield from _by_vocabulary(field, item, text)
    histologies = [match.span() for match in _HISTOLOGY.finditer(text)]
    organs = {re.escape(entry.organ) for entry in _entries_of(field, item) if entry.organ}
    places = [match.span() for organ in sorted(organs) for match in re.finditer(organ, text)]
    yield from _pairs(Rule.ORGAN_AND_HISTOLOGY, places, histologies)


def _stage(field: Field, item: str, text: str) -> Iterator[Ground]:
    yield from (Ground(Rule.STATED_STAGE, (span,)) for stage, span in stage_mentions(text) if stage == item)
    if item == "IV":
        yield from (Ground(Rule.METASTATIC, (span,)) for span in metastasis_mentions(text))
    if re.fullmatch(r"(?:0|IV|I{1,3})[A-D]?", item):
        yield from (Ground(Rule.TNM_GROUP, (span,)) for span in tnm_mentions(text))
    if re.match(r"[CPYRM]*T[0-4XI]", item):
        without_blanks = AlignedText.of(text).sub(re.compile(" "), "")
        found = re.finditer(re.escape(item.lower()), without_blanks.text)
        yield from (Ground(Rule.TNM, (without_blanks.origin(match.span()),)) for match in found)
    if item in {"limited", "0", "IV"}:
        yield from _by_vocabulary(field, item, text)


@dataclass(frozen=True)
class _Window:
    """The words around a gene's name."""

    gene: Span
    start: int
    words: str

    def at(self, span: Span) -> Span:
        """Return where a span of the words lies in the whole text."""
        return span[0] + self.start, span[1] + self.start


def _alteration(field: Field, item: str, text: str) -> Iterator[Ground]:
    gene, _, alteration = item.partition(" ")
    windows = [_window(mention, text) for mention in genes_named(text) if mention.entry.code == gene]
    if alteration == "mutation":
        yield from (Ground(Rule.GENE_NAMED, (window.gene,)) for window in windows)
    for window in windows:
        if item_in_words(window.words, gene) == item:
            yield Ground(Rule.SURFACE_FORM, (window.gene,))
    for window in windows:
        said = [window.at(span) for span in _alteration_mentions(alteration, window.words)]
        yield from _pairs(Rule.GENE_AND_ALTERATION, [window.gene], said)
    yield from _by_vocabulary(field, item, text)


def _window(mention: Mention, text: str) -> _Window:
    start = max(0, mention.start - GENE_WINDOW_CHARACTERS)
    return _Window((mention.start, mention.end), start, text[start : mention.end + GENE_WINDOW_CHARACTERS])


def _alteration_mentions(alteration: str, window: str) -> Iterator[Span]:
    if words := _WORDS_OF_ALTERATION.get(alteration):
        yield from (match.span() for match in re.finditer(words, window))
    elif exon := re.fullmatch(r"exon (\d+) (\w{3})\w*", alteration):
        pattern = rf"\be(?:xon|x)?\.? ?{exon[1]}(?!\d)|{exon[2]}"
        yield from (match.span() for match in re.finditer(pattern, window))
    else:
        in_one_letter = aligned_one_letter(window).sub(re.compile(r"\*"), "")
        found = re.finditer(re.escape(alteration.lower().replace("x", "")) or r"(?!)", in_one_letter.text)
        yield from (in_one_letter.origin(match.span()) for match in found)


def _biomarker(_field: Field, item: str, text: str) -> Iterator[Ground]:
    marker = next((entry for entry in _longest_code_first() if item.startswith(f"{entry.code} ")), None)
    if marker is None:
        return
    named = [(mention.start, mention.end) for mention in marker_mentions(text) if mention.entry.code == marker.code]
    places = named or [match.span() for cue in marker.cues for match in re.finditer(cue, text)]
    value = item.removeprefix(f"{marker.code} ")
    if value != "<1%" and (number := re.match(r"[<>]?(\d+(?:\.\d+)?)(?=-|%|$)", value)):
        yield from _pairs(Rule.NUMBER, places, list(_number_mentions(text, number[1])) if places else [])
    else:
        yield from (Ground(Rule.MARKER_NAMED if named else Rule.INFERENCE, (place,)) for place in places)


def _number_mentions(text: str, number: str) -> Iterator[Span]:
    without_thousands = AlignedText.of(text).sub(re.compile(r"(?<=\d),(?=\d{3}\b)"), "")
    pattern = rf"(?<![\d.]){re.escape(number)}(?:\.0+)?(?!\.?\d)"
    return (without_thousands.origin(match.span()) for match in re.finditer(pattern, without_thousands.text))


def _pairs(rule: Rule, places: Iterable[Span], others: list[Span]) -> Iterator[Ground]:
    """Yield each place with the nearest of the others, when there is any."""
    if others:
        yield from (Ground(rule, (place, min(others, key=lambda other: distance(place, other)))) for place in places)


def distance(left: Span, right: Span) -> int:
    """Return how many characters lie between two spans."""
    return max(right[0] - left[1], left[0] - right[1], 0)


def _treatment(field: Field, item: str, text: str) -> Iterator[Ground]:
    yield from _by_vocabulary(field, item, text)
    mentions = _treatments_in(text)
    yield from _of(Rule.COMPONENT, mentions, lambda entry: _implies(entry, item))
    yield from _regimen_of_drugs(item, mentions)
    yield from _of(Rule.ACRONYM, mentions, lambda entry: entry.item == item)
    category = vocabulary(field).get(item)
    if category and category.kind == "operation_category":
        yield from _of(Rule.OPERATION_CATEGORY, mentions, lambda entry: entry.kind == "operation")
    if category and category.kind == "drug_category":
        drug_class = category.drug_class
        yield from _of(Rule.DRUG_CATEGORY, mentions, lambda entry: entry.drug_class == drug_class)


def _of(rule: Rule, mentions: Iterable[Mention], fits: Callable[[Entry], bool]) -> Iterator[Ground]:
    return (Ground(rule, ((mention.start, mention.end),)) for mention in mentions if fits(mention.entry))


def _implies(entry: Entry, item: str) -> bool:
    return any(item == vocabulary("treatment")[code].item for code in entry.implies)


def _regimen_of_drugs(item: str, mentions: list[Mention]) -> Iterator[Ground]:
    entry = vocabulary("treatment").get(item)
    parts = set(entry.implies if entry else ()) - {"leucovorin"}
    first = {mention.entry.code: (mention.start, mention.end) for mention in reversed(mentions)}
    if len(parts) > 1 and parts <= first.keys():
        yield Ground(Rule.REGIMEN_OF_DRUGS, tuple(sorted(first[part] for part in parts)))


_RULES: dict[Field, Callable[[Field, str, str], Iterator[Ground]]] = {
    "cancer_type": _cancer,
    "stage": _stage,
    "gene_mutation": _alteration,
    "biomarker": _biomarker,
    "treatment": _treatment,
}


@lru_cache(maxsize=1024)
def _treatments_in(text: str) -> list[Mention]:
    return treatment_mentions(text)


@cache
def _entries_of(field: Field, item: str) -> tuple[Entry, ...]:
    return tuple(entry for entry in vocabulary(field) if entry.item == item and entry.kind != "gene")


@cache
def _surface(field: Field, code: str) -> re.Pattern[str]:
    return surface_pattern({normalised(form) for form in vocabulary(field)[code].surface_forms})


@cache
def _longest_code_first() -> tuple[Entry, ...]:
    return tuple(sorted(vocabulary("biomarker"), key=lambda entry: -len(entry.code)))
