"""The label conventions, by example and as properties of whole notes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from casebook.catalogue import catalogue
from casebook.course import problems
from casebook.draw import draw_case
from casebook.labels import METASTATIC_IS_IV, Tag, distractor, record
from casebook.note import Edition, Note, write_note
from casebook.treatments import treatment
from casebook.verify import faults
from extraction.schema import FIELDS

CANCER = str(Tag("cancer_type", "lung adenocarcinoma"))


def _written(number: int) -> Note:
    return write_note(draw_case(number, 3, catalogue()), Edition(3, "train", catalogue()))


def test_metastatic_without_a_stage_is_stage_iv() -> None:
    assert record([CANCER, str(Tag("stage", "IV", 0, METASTATIC_IS_IV))]).stage == "IV"
    assert record([CANCER, str(Tag("metastasis_site", "liver"))]).stage == "IV"


def test_a_stated_stage_wins_over_the_inferred_one() -> None:
    assert record([str(Tag("metastasis_site", "liver")), str(Tag("stage", "IVB"))]).stage == "IVB"


def test_items_stand_in_their_order_and_once() -> None:
    tags = [
        str(Tag("treatment", "docetaxel", 2)),
        str(Tag("treatment", "lobectomy", 0)),
        str(Tag("treatment", "docetaxel", 2)),
    ]
    assert record(tags).treatment == "lobectomy; docetaxel"


def test_response_and_progression_of_one_line_are_told_together() -> None:
    tags = [str(Tag("response", "partial response", 1)), str(Tag("response", "progression", 1.5))]
    assert record(tags).response == "partial response then progression"


def test_a_later_response_replaces_an_earlier_progression() -> None:
    tags = [str(Tag("response", "progression", 1.5)), str(Tag("response", "stable disease", 2.5))]
    assert record(tags).response == "stable disease"


def test_distractor_tags_leave_every_field_null() -> None:
    output = record([distractor("negative_gene", "EGFR"), distractor("considered", "docetaxel")])
    assert all(getattr(output, field) is None for field in FIELDS)


def test_acronyms_are_expanded_or_kept_as_the_conventions_say() -> None:
    assert treatment("TCHP").label == "docetaxel, carboplatin, trastuzumab and pertuzumab"
    assert treatment("FOLFOX+bevacizumab").label == "FOLFOX and bevacizumab"
    assert treatment("cisplatin+radiotherapy").label == "cisplatin and radiation therapy"


@settings(max_examples=25, deadline=None)
@given(st.integers(min_value=0, max_value=5000))
def test_a_note_of_any_sound_case_passes_the_verifier(number: int) -> None:
    case = draw_case(number, 3, catalogue())
    if not problems(case):
        assert faults(_written(number)) == []


@settings(max_examples=25, deadline=None)
@given(st.integers(min_value=0, max_value=5000))
def test_a_field_is_null_exactly_when_no_span_renders_it(number: int) -> None:
    note = _written(number)
    for field in FIELDS:
        rendered = any(span.tag.startswith(f"{field}|") for span in note.spans)
        if field == "stage":
            rendered |= any(span.tag.startswith("metastasis_site|") for span in note.spans)
        assert rendered == (getattr(note.record.output, field) is not None)


@settings(max_examples=25, deadline=None)
@given(st.integers(min_value=0, max_value=5000))
def test_spans_point_at_the_text_that_they_stand_for(number: int) -> None:
    note = _written(number)
    assert all(0 <= span.start < span.end <= len(note.record.input) for span in note.spans)
    ends = [0] + [span.end for span in note.spans]
    assert all(start.start >= end for start, end in zip(note.spans, ends, strict=False))
