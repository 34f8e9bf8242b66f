"""Whether a label keeps the conventions that all datasets of this schema share, so that a model learns one spelling.

What can be seen in the label alone is checked here; whether the note supports it is `grounding.py`'s question. The
conventions are in docs and on the dataset card.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from extraction.schema import FIELDS, ExtractionRecord, Field
from extraction.vocabulary import vocabulary
from extraction.wording import cleaned_value, normalised

SEPARATOR = "; "

_STATES = (
    "complete response|pathologic complete response|near-complete response|partial response|stable disease|"
    "mixed response|progression|no evidence of disease|biochemical recurrence"
)
_RULES: dict[Field, tuple[tuple[str, str], ...]] = {
    "stage": (
        (r"(?i)\b(stage|figo|ajcc)\s+[0IVX\d]", "the stage stands without the word before it: IIIA"),
        (r"(?i)\b(grade|gleason|who|g[1-4])\b", "a grade is no stage"),
        (r"\b[1-4][a-cA-C]?\b", "stages are roman numerals: IV"),
        (r"(?i)locally advanced|metastatic|advanced$", "a stage is a stage group; locally advanced alone is null"),
    ),
    "gene_mutation": (
        (r"(?i)wild[- ]?type|\bwt\b|negative|not detected|\bno\b|absent$", "genes without an alteration are left out"),
        (r"(?i)pending|not tested|unknown|not done", "genes without a result are left out"),
        (r"(?i)\bp\.", "protein changes stand without p. and in one letter: EGFR L858R"),
    ),
    "biomarker": (
        (r"(?i)\b(tps|cps|22c3|28-8|sp142|sp263)\b", "PD-L1 stands with its number alone: PD-L1 10%"),
        (r"~|\b(about|approximately)\b", "numbers stand without ~ or about"),
        (r"(?i)\bd-?mmr\b|mismatch repair[- ]deficien", "deficient mismatch repair is MSI-H"),
        (r"(?i)\bp-?mmr\b|mismatch repair[- ]proficien", "proficient mismatch repair is MSS"),
        (r"(?i)pending|not tested|unknown|not done", "markers without a result are left out"),
        (r"(?i)\b(gleason|nottingham|who grade)\b", "a grade is no biomarker"),
    ),
    "treatment": (
        (r"(?i)\d\s*(mg|mcg|µg|gy|auc)\b", "doses are left out"),
        (r"(?i)\b(\d+|one|two|three|four|six)\s+cycles?\b|\bq\d+w\b", "cycles are left out"),
        (r"\b(19|20)\d\d\b", "dates are left out"),
        (r"(?i)\b(declined|refused|considered|deferred)\b", "therapies that were not given are left out"),
        (r"(?i)sentinel", "sentinel node biopsy is left out"),
    ),
    "response": (
        (rf"^(?!({_STATES})( then ({_STATES}))?$)", "the response is one of nine states, or one then another"),
    ),
    "metastasis_site": (
        (r"(?i)\bregional\b", "regional nodes are left out"),
        (r"(?i)omentum|omental", "the omentum is the peritoneum"),
        (r"(?i)cerebell|frontal|parietal|occipital", "parts of the brain are brain"),
        (r"(?i)\b(spine|vertebra\w*|rib|ribs|femur|pelvic bone|sacrum|skull)\b", "parts of the skeleton are bone"),
    ),
}
_MARKER_STARTS = ((r"her2", 0), (r"er\b", 1), (r"pr\b", 2), (r"pd-l1", 3), (r"ms[is]", 4), (r"tmb", 5), (r"hrd", 6))


def breaches(record: ExtractionRecord) -> Iterator[tuple[Field, str]]:
    """Yield each convention that a record breaks, by field and in words that quote nothing of it."""
    for field in FIELDS:
        value = getattr(record, field)
        if value is not None:
            for breach in dict.fromkeys(_of_value(field, value)):
                yield field, breach


def _of_value(field: Field, value: str) -> Iterator[str]:
    if not cleaned_value(value):
        yield "a field that says nothing is null, not a word for nothing"
        return
    parts = value.split(SEPARATOR)
    if any(";" in part or not part.strip() for part in parts):
        yield 'items are separated by "; "'
    if len(set(parts)) < len(parts):
        yield "an item stands twice"
    for item in parts:
        yield from (told for pattern, told in _RULES.get(field, ()) if re.search(pattern, item))
    if field == "biomarker" and (ranks := [_rank(part) for part in parts]) != sorted(ranks):
        yield "biomarkers stand in the order HER2; ER; PR; PD-L1; MSI; TMB; HRD; others"
    if field == "treatment" and any(name in _brands() for part in parts for name in _names(part)):
        yield "drugs stand with their generic name"


def _rank(item: str) -> int:
    text = item.lower()
    return next((rank for pattern, rank in _MARKER_STARTS if re.match(pattern, text)), len(_MARKER_STARTS))


def _names(item: str) -> list[str]:
    return re.split(r" and | plus |, ?", normalised(item))


@cache
def _brands() -> frozenset[str]:
    """Return the names of drugs that are another spelling than the one that the dataset writes."""
    drugs = [entry for entry in vocabulary("treatment") if entry.drug_class]
    labels = {normalised(entry.label) for entry in vocabulary("treatment")}
    return frozenset(normalised(name) for entry in drugs for name in entry.synonyms) - labels
