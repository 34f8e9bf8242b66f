"""How much of the vocabulary the training notes use: a code that no note uses is one that no model learns.

A use is counted where a label has it, so what a case holds but its note leaves out does not count. Codes that the label
conventions keep out of every label are no target; `data/rare_codes.yml` says which, which codes are rare, and why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import cast

import yaml
from pydantic import BaseModel, ConfigDict

from casebook.catalogue import DATA_DIRECTORY, treatment_entry
from casebook.note import Note
from casebook.treatments import without_intent
from extraction.schema import FIELDS, Field
from extraction.vocabulary import Entry, vocabulary

COMMON_USES = 5
RARE_USES = 2
_NAMES_ONLY = "gene"
_NO_TARGETS = frozenset({_NAMES_ONLY, "read_only"})


class ExpectedUses(BaseModel):
    """Which codes are seldom or never in a label, with the reason for each."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rare: dict[Field, dict[str, str]] = {}
    never: dict[Field, dict[str, str]] = {}


@dataclass(frozen=True)
class Coverage:
    """The share of codes with enough uses, and the codes that have too few, by field."""

    share: float
    short: dict[Field, tuple[str, ...]]
    uses: dict[Field, Counter[str]]


@cache
def expected_uses() -> ExpectedUses:
    """Return the checked data file of codes that are rare or in no label.

    Raises: ValidationError when the file breaks its schema.
    """
    text = (DATA_DIRECTORY / "rare_codes.yml").read_text(encoding="utf-8")
    return ExpectedUses.model_validate(yaml.safe_load(text))


def code_coverage(train: Sequence[Note]) -> Coverage:
    """Return how many codes of the vocabulary the labels of these notes use often enough.

    Units: 5 uses for a code, 2 for a rare one.
    """
    uses: dict[Field, Counter[str]] = {field: Counter() for field in FIELDS}
    for note in train:
        for field in FIELDS:
            uses[field].update(set(codes_used(field, note)))
    targets = {field: tuple(target_codes(field)) for field in FIELDS}
    short = {
        field: tuple(code for code in codes if uses[field][code] < _wanted(field, code))
        for field, codes in targets.items()
    }
    total = sum(map(len, targets.values()))
    return Coverage(1 - sum(map(len, short.values())) / total, short, uses)


def target_codes(field: Field) -> Iterator[str]:
    """Yield the codes of a field that labels can hold: no bare names of genes, nothing that is only read or omitted."""
    never = expected_uses().never.get(field, {})
    for entry in vocabulary(field):
        if entry.kind not in _NO_TARGETS and entry.code not in never:
            yield entry.code


def _wanted(field: Field, code: str) -> int:
    return RARE_USES if code in expected_uses().rare.get(field, {}) else COMMON_USES


def codes_used(field: Field, note: Note) -> Iterator[str]:
    """Yield the codes that the label of a note uses in a field."""
    value = getattr(note.record.output, field)
    if value is None:
        return
    if field == "treatment":
        yield from _treatments(note)
    elif field == "biomarker":
        yield from (result.marker for result in note.case.results if result.label in value)
    else:
        for item in _items(field, value):
            code = _codes_by_form(field).get(item.lower())
            if code is not None:
                yield code


def _items(field: Field, value: str) -> list[str]:
    return value.split(" then " if field == "response" else "; ")


def _treatments(note: Note) -> Iterator[str]:
    """Yield what the events of the label name; a regimen that is written out counts with its drugs and they with it."""
    label = cast(str, note.record.output.treatment)
    for event in note.case.events:
        if event.label not in label:
            continue
        entries = [treatment_entry(without_intent(part)) for part in event.treatment.parts]
        drugs = frozenset(code for entry in entries for code in entry.expands or (entry.code,))
        yield from {*drugs, *(entry.code for entry in entries), *_written_out().get(drugs, ())}


@cache
def _written_out() -> dict[frozenset[str], tuple[str, ...]]:
    """Return the regimens whose label is the list of their drugs, by these drugs."""
    found: dict[frozenset[str], tuple[str, ...]] = {}
    for entry in vocabulary("treatment"):
        if entry.expands:
            drugs = frozenset(entry.expands)
            found[drugs] = (*found.get(drugs, ()), entry.code)
    return found


@cache
def _codes_by_form(field: Field) -> dict[str, str]:
    forms: dict[str, str] = {}
    for entry in _labels_first(vocabulary(field)):
        for form in entry.surface_forms:
            forms.setdefault(form.lower(), entry.code)
    return forms


def _labels_first(entries: Iterable[Entry]) -> list[Entry]:
    """Return the entries with bare gene names last, so that a name never hides an alteration."""
    return sorted(entries, key=lambda entry: entry.kind == _NAMES_ONLY)
