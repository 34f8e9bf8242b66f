"""Proves of one note what every note must fulfil; the generator keeps no note with a problem."""

from __future__ import annotations

import re
from typing import cast

from casebook.course import problems
from casebook.labels import METASTATIC_IS_IV, Tag, record
from casebook.layout import Span
from casebook.note import Note
from extraction.canonical import canonical_items
from extraction.conventions import breaches
from extraction.grounding import is_grounded
from extraction.schema import FIELDS, ExtractionRecord, Field

MAX_WORDS = 330
_RADIATION = re.compile(r"radi|\bx?rt\b|chemort|\bgy\b|\bsbrt\b|beam|stupp|\bcrt\b", re.IGNORECASE)


def faults(note: Note) -> list[str]:
    """Return what is wrong with a note; an empty list means that it may enter the dataset."""
    found = list(problems(note.case))
    output = note.record.output
    if record(span.tag for span in note.spans) != output:
        found.append("the labels are not those of the spans")
    found += [f"{field} is not grounded" for field in FIELDS if not _is_grounded(field, output, note)]
    found += [f"{field} has an item that the note does not support" for field in FIELDS if _unsupported(field, note)]
    found += [f"{field}: {breach}" for field, breach in breaches(output)]
    found += [f"{field} does not survive the canonical form" for field in FIELDS if not _survives(field, output)]
    found += [f"{span.tag!r} is not what its text says" for span in note.spans if not _says_its_label(span, note)]
    found += [f"distractor {tag!r} is in the label" for tag in _leaks(note)]
    if any(sign in note.record.input for sign in "[]{}|@") or "  " in note.record.input:
        found.append("the text shows template syntax")
    if not 12 <= len(note.record.input.split()) <= MAX_WORDS:
        found.append("the note is too short or too long")
    return found


def _says_its_label(span: Span, note: Note) -> bool:
    """Return True when the metric reads from the span's text alone what the tag says, unless a rule infers it."""
    if span.tag.startswith("!"):
        return True
    tag = Tag.parse(span.tag)
    text = note.record.input[span.start : span.end]
    field = cast(Field, tag.field)
    return bool(tag.rule) or canonical_items(field, text) == canonical_items(field, tag.label)


def _is_grounded(field: Field, output: ExtractionRecord, note: Note) -> bool:
    """Return True when spans or a named rule give exactly the items of the field, and null when there are none."""
    value = getattr(output, field)
    items = [Tag.parse(span.tag) for span in note.spans if span.tag.startswith(f"{field}|")]
    if field == "stage" and not items:
        spread = any(span.tag.startswith("metastasis_site|") for span in note.spans)
        return value == ("IV" if spread else None)
    if value is None:
        return not items
    return bool(items) and all(
        any(item.label in value for item in items) or item.rule == METASTATIC_IS_IV for item in items
    )


def _unsupported(field: Field, note: Note) -> frozenset[str]:
    """Return the items of a label that nothing in the note speaks for and that no named rule infers."""
    tags = [Tag.parse(span.tag) for span in note.spans if span.tag.startswith(f"{field}|")]
    inferred = frozenset(item for tag in tags if tag.rule for item in canonical_items(field, tag.label))
    if field == "treatment" and not _RADIATION.search(note.record.input):
        inferred -= canonical_items(field, "radiation therapy")
    items = canonical_items(field, getattr(note.record.output, field)) - inferred
    if field == "stage" and not tags:
        return frozenset()  # spread alone makes a stage IV; `_is_grounded` proves it
    return frozenset(item for item in items if not is_grounded(field, item, note.record.input))


def _survives(field: Field, output: ExtractionRecord) -> bool:
    value = getattr(output, field)
    return (value is None) == (not canonical_items(field, value))


def _leaks(note: Note) -> list[str]:
    """Return the tags of distractors that the label of their field contains, as text or in another spelling."""
    output = note.record.output
    texts = {
        "negative_gene": output.gene_mutation,
        "untested": f"{output.gene_mutation}; {output.biomarker}",
        "considered": output.treatment,
        "ruled_out_site": output.metastasis_site,
        "equivocal": output.metastasis_site,
        "drug": output.treatment,
    }
    fields: dict[str, Field] = {
        "considered": "treatment",
        "drug": "treatment",
        "ruled_out_site": "metastasis_site",
        "equivocal": "metastasis_site",
    }
    leaked = []
    for span in note.spans:
        kind, _, text = span.tag.partition("|")
        value, field = texts.get(kind.removeprefix("!")), fields.get(kind.removeprefix("!"))
        if kind.startswith("!") and value and text and (_contains(value, text) or _shares(field, text, value)):
            leaked.append(span.tag)
    return leaked


def _shares(field: Field | None, text: str, value: str) -> bool:
    """Return True when the metric reads the text as one of the value's items."""
    return field is not None and bool(canonical_items(field, text) & canonical_items(field, value))


def _contains(value: str, text: str) -> bool:
    """Return True when the text stands in the value as words of its own."""
    return bool(re.search(rf"(?<!\w){re.escape(text)}(?!\w)", value, re.IGNORECASE))
