"""The words shown for an item are those that the generator wrote for it: its notes know where their facts stand."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from casebook.labels import Tag
from casebook.note import Note
from casebook.sample import Wanted, sample_notes
from extraction.canonical import canonical_items
from extraction.evidence import ItemEvidence, evidence_of
from extraction.parser import record_of

NOTES = 80
RIGHT_SHARE = 0.97


@pytest.fixture(scope="module")
def notes() -> list[Note]:
    return [note for _split, note in sample_notes(Wanted(count=NOTES))]


def written_for(note: Note) -> dict[tuple[str, str], list[tuple[int, int]]]:
    """Return the spans that the generator wrote for each field and item; distractors are nobody's."""
    places: dict[tuple[str, str], list[tuple[int, int]]] = {}
    for span in note.spans:
        if not span.tag.startswith("!"):
            tag = Tag.parse(span.tag)
            for item in canonical_items(tag.field, tag.label):
                places.setdefault((tag.field, item), []).append((span.start, span.end))
    return places


def shown_for(note: Note) -> Iterator[tuple[str, ItemEvidence]]:
    evidence = evidence_of(record_of(note.record.output.model_dump()), note.record.input)
    return ((field, one) for field, items in evidence.items() for one in items if one.is_grounded)


def test_nearly_always_the_words_shown_are_words_that_were_written_for_the_item(notes):
    outcomes = []
    for note in notes:
        places = written_for(note)
        for field, one in shown_for(note):
            spans = places.get((field, one.item), [])
            is_right = any(span.start < end and start < span.end for span in one.spans for start, end in spans)
            outcomes += [is_right] if spans else []
    assert len(outcomes) > 5 * NOTES
    assert sum(outcomes) / len(outcomes) >= RIGHT_SHARE
