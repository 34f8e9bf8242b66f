"""Whether a canonical item is supported by the note: by its name there, or by a named rule of inference.

An answer may only say what its note says. A generous check is meant: it calls an item ungrounded only when nothing in
the note speaks for it, so that the ungrounded rate counts inventions and not unusual wordings.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache, lru_cache

from extraction.canonical.alteration import genes_named, item_in_words
from extraction.canonical.biomarker import markers_named
from extraction.canonical.hgvs import one_letter
from extraction.canonical.stage import has_tnm, is_metastatic, stages_in_prose
from extraction.canonical.treatment import treatments_named
from extraction.lexicon import surface_pattern
from extraction.schema import Field
from extraction.vocabulary import Entry, vocabulary
from extraction.wording import normalised

_HISTOLOGY = re.compile(r"carcinoma|cancer|adenoca|tumor|sarcoma|neoplas|malignan|\bca\b|\bprimary\b")
_GENE_WINDOW_CHARACTERS = 80
_WORDS_OF_ALTERATION = {
    "fusion": r"fusion|rearrang|translocat|positiv|::",
    "amplification": r"amplif|copy[- ]number|gain",
    "loss": r"loss|lost|delet|absent",
    "promoter": r"promoter|tertp",
    "splice": r"splic",
    "ITD": r"\bitd\b|tandem",
}


@lru_cache(maxsize=65536)
def support(field: Field, item: str, note: str) -> str | None:
    """Return the rule by which the note supports a canonical item, or None when nothing in it does."""
    text = normalised(note)
    rule = _RULES.get(field, _by_vocabulary)(field, item, text)
    is_verbatim = field != "stage" and surface_pattern({normalised(item)}).search(text)
    return rule or ("verbatim" if is_verbatim else None)


def is_grounded(field: Field, item: str, note: str) -> bool:
    """Return whether the note supports a canonical item."""
    return support(field, item, note) is not None


def is_mentioned(field: Field, item: str, note: str) -> bool:
    """Return whether a note so much as speaks of an item: it supports it, or names its gene or marker at all."""
    if is_grounded(field, item, note):
        return True
    if field == "gene_mutation":
        return item.partition(" ")[0] in {mention.entry.code for mention in genes_named(normalised(note))}
    return field == "biomarker" and item.rpartition(" ")[0] in markers_named(normalised(note))


def _by_vocabulary(field: Field, item: str, text: str) -> str | None:
    entries = _entries_of(field, item)
    if any(_surface(field, entry.code).search(text) for entry in entries):
        return "surface form"
    if any(re.search(pattern, text) for entry in entries for pattern in entry.patterns):
        return "wording"
    if any(re.search(cue, text) for entry in entries for cue in entry.cues):
        return "inference"
    return None


def _cancer(field: Field, item: str, text: str) -> str | None:
    organs = {entry.organ for entry in _entries_of(field, item) if entry.organ}
    is_inferred = any(organ in text for organ in organs) and _HISTOLOGY.search(text)
    return _by_vocabulary(field, item, text) or ("organ and histology" if is_inferred else None)


def _stage(field: Field, item: str, text: str) -> str | None:
    if item in stages_in_prose(text):
        return "stated stage"
    if item == "IV" and is_metastatic(text):
        return "metastatic disease is stage IV"
    if has_tnm(text) and re.fullmatch(r"(?:0|IV|I{1,3})[A-D]?", item):
        return "stage group from TNM"
    if re.match(r"[CPYRM]*T[0-4XI]", item) and item.lower() in text.replace(" ", ""):
        return "TNM"
    return _by_vocabulary(field, item, text) if item in {"limited", "0", "IV"} else None


def _alteration(field: Field, item: str, text: str) -> str | None:
    gene, _, alteration = item.partition(" ")
    windows = [
        text[max(0, mention.start - _GENE_WINDOW_CHARACTERS) : mention.end + _GENE_WINDOW_CHARACTERS]
        for mention in genes_named(text)
        if mention.entry.code == gene
    ]
    if windows and (alteration == "mutation" or any(item_in_words(window, gene) == item for window in windows)):
        return "surface form"
    if any(_speaks_of(alteration, window) for window in windows):
        return "gene and alteration near each other"
    return _by_vocabulary(field, item, text)


def _speaks_of(alteration: str, window: str) -> bool:
    if words := _WORDS_OF_ALTERATION.get(alteration):
        return bool(re.search(words, window))
    if exon := re.fullmatch(r"exon (\d+) (\w{3})\w*", alteration):
        return bool(re.search(rf"\be(?:xon|x)?\.? ?{exon[1]}(?!\d)", window) or exon[2] in window)
    return alteration.lower().replace("x", "") in one_letter(window).replace("*", "")


def _biomarker(_field: Field, item: str, text: str) -> str | None:
    marker = next((entry for entry in _longest_code_first() if item.startswith(f"{entry.code} ")), None)
    if marker is None:
        return None
    is_named = marker.code in markers_named(text)
    if not is_named and not any(re.search(cue, text) for cue in marker.cues):
        return None
    value = item.removeprefix(f"{marker.code} ")
    if value != "<1%" and (number := re.match(r"[<>]?(\d+(?:\.\d+)?)(?=-|%|$)", value)):
        return "number" if _states_number(text, number[1]) else None
    return "surface form" if is_named else "inference"


def _states_number(text: str, number: str) -> bool:
    without_thousands = re.sub(r"(?<=\d),(?=\d{3}\b)", "", text)
    return bool(re.search(rf"(?<![\d.]){re.escape(number)}(?:\.0+)?(?!\.?\d)", without_thousands))


def _treatment(field: Field, item: str, text: str) -> str | None:
    if rule := _by_vocabulary(field, item, text):
        return rule
    mentioned = _treatments_in(text)
    if any(item == vocabulary(field)[code].item for entry in mentioned for code in entry.implies):
        return "component of a regimen"
    if _is_regimen_of(item, {entry.code for entry in mentioned}):
        return "regimen named by its drugs"
    if any(entry.item == item for entry in mentioned):
        return "acronym written out"
    return _category(item, mentioned)


def _is_regimen_of(item: str, drugs: set[str]) -> bool:
    entry = vocabulary("treatment").get(item)
    parts = set(entry.implies if entry else ()) - {"leucovorin"}
    return len(parts) > 1 and parts <= drugs


def _category(item: str, mentioned: list[Entry]) -> str | None:
    category = vocabulary("treatment").get(item)
    if category and category.kind == "operation_category":
        return "category of a named operation" if any(entry.kind == "operation" for entry in mentioned) else None
    if category and category.kind == "drug_category":
        return "category of a named drug" if any(e.drug_class == category.drug_class for e in mentioned) else None
    return None


_RULES: dict[Field, Callable[[Field, str, str], str | None]] = {
    "cancer_type": _cancer,
    "stage": _stage,
    "gene_mutation": _alteration,
    "biomarker": _biomarker,
    "treatment": _treatment,
}


@lru_cache(maxsize=1024)
def _treatments_in(text: str) -> list[Entry]:
    return treatments_named(text)


@cache
def _entries_of(field: Field, item: str) -> tuple[Entry, ...]:
    return tuple(entry for entry in vocabulary(field) if entry.item == item and entry.kind != "gene")


@cache
def _surface(field: Field, code: str) -> re.Pattern[str]:
    return surface_pattern({normalised(form) for form in vocabulary(field)[code].surface_forms})


@cache
def _longest_code_first() -> tuple[Entry, ...]:
    return tuple(sorted(vocabulary("biomarker"), key=lambda entry: -len(entry.code)))
