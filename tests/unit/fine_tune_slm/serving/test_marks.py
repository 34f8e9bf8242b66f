"""Words that several fields rest on are marked for each of them, and the note stays what it was."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from extraction.evidence import ItemEvidence, Span
from extraction.rules import Rule
from extraction.schema import FIELDS
from fine_tune_slm.serving.marks import segment_at, segments

LETTERS = "Synthetic: triple-negative breast cancer"


def evidence_with(*marks: tuple[str, int, int]):
    found = {field: [] for field in FIELDS}
    for field, start, end in marks:
        span = Span(start=start, end=end, text=LETTERS[start:end])
        found[field].append(ItemEvidence(item="x", is_grounded=True, rule=Rule.SURFACE_FORM, spans=(span,)))
    return {field: tuple(items) for field, items in found.items()}


def test_overlapping_words_are_cut_where_a_field_begins_or_ends():
    cut = segments(LETTERS, evidence_with(("cancer_type", 11, 40), ("biomarker", 11, 26)))
    assert [(one.text, one.fields, one.endings) for one in cut] == [
        ("Synthetic: ", (), ()),
        ("triple-negative", ("cancer_type", "biomarker"), ("biomarker",)),
        (" breast cancer", ("cancer_type",), ("cancer_type",)),
    ]


marks = st.tuples(st.sampled_from(FIELDS), st.integers(0, 38), st.integers(1, 12)).map(
    lambda drawn: (drawn[0], drawn[1], min(drawn[1] + drawn[2], len(LETTERS)))
)


@settings(max_examples=100, deadline=None)
@given(st.lists(marks, max_size=6))
def test_the_segments_are_the_note_and_every_mark_begins_and_ends_at_one(drawn):
    cut = segments(LETTERS, evidence_with(*drawn))
    assert "".join(one.text for one in cut) == LETTERS
    for field, start, end in drawn:
        first, after = segment_at(cut, start), segment_at(cut, end)
        assert "".join(one.text for one in cut[first:after]) == LETTERS[start:end]
        assert all(field in one.fields for one in cut[first:after])
        assert field in cut[after - 1].endings


def test_an_empty_note_has_no_segments():
    assert segments("", evidence_with()) == []
