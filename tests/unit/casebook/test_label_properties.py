"""Properties of the label function on cases and wordings that hypothesis picks: nobody chose these notes by hand."""

from __future__ import annotations

from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st

from casebook.case import Case
from casebook.catalogue import catalogue
from casebook.course import problems
from casebook.draw import draw_case
from casebook.labels import Tag
from casebook.note import Edition, Note, write_note
from extraction.canonical import canonical_items
from extraction.schema import FIELDS, Field

few = settings(max_examples=25, deadline=None, derandomize=True)
numbers = st.integers(min_value=0, max_value=20_000)
attempts = st.integers(min_value=0, max_value=50)
DISTRACTED: dict[str, Field] = {
    "!considered": "treatment",
    "!drug": "treatment",
    "!ruled_out_site": "metastasis_site",
    "!equivocal": "metastasis_site",
}
FROM_CASE: tuple[Field, ...] = ("gene_mutation", "biomarker", "treatment", "metastasis_site")


@cache
def _note(number: int, attempt: int) -> Note:
    case = draw_case(number, 17, catalogue())
    while problems(case):
        case = draw_case(case.number + 20_001, 17, catalogue())
    return write_note(case, Edition(17, "validation", catalogue()), attempt)


def _facts(case: Case) -> dict[str, set[str]]:
    """Return what is true of the case, as labels say it."""
    return {
        "gene_mutation": {item.label for item in case.alterations},
        "biomarker": {result.label for result in case.results},
        "treatment": {event.label for event in case.events},
    }


@few
@given(number=numbers, attempt=attempts)
def test_distractors_never_reach_a_label(number: int, attempt: int) -> None:
    note = _note(number, attempt)
    for span in note.spans:
        kind, _, text = span.tag.partition("|")
        field = DISTRACTED.get(kind)
        if field is not None and text:
            label = getattr(note.record.output, field)
            assert not canonical_items(field, text) & canonical_items(field, label), (kind, text)
        if kind == "!negative_gene":
            assert text not in {item.gene for item in note.case.alterations}


@few
@given(number=numbers, attempt=attempts)
def test_a_field_is_null_exactly_when_nothing_of_it_was_rendered(number: int, attempt: int) -> None:
    note = _note(number, attempt)
    rendered = {span.tag.split("|")[0] for span in note.spans if not span.tag.startswith("!")}
    if "metastasis_site" in rendered:
        rendered.add("stage")  # that a cancer has spread says its stage
    for field in FIELDS:
        assert (getattr(note.record.output, field) is None) == (field not in rendered), field


@few
@given(number=numbers, attempt=attempts)
def test_labels_mean_to_the_metric_what_the_rendered_facts_of_the_case_mean(number: int, attempt: int) -> None:
    note = _note(number, attempt)
    tags = [Tag.parse(span.tag) for span in note.spans if not span.tag.startswith("!")]
    for field in FROM_CASE:
        mine = sorted({(tag.order, tag.label) for tag in tags if tag.field == field})
        rendered = "; ".join(label for _, label in mine) or None
        assert canonical_items(field, getattr(note.record.output, field)) == canonical_items(field, rendered), field
    for field, facts in _facts(note.case).items():
        assert {tag.label for tag in tags if tag.field == field} <= facts, field


@few
@given(number=numbers, attempt=attempts)
def test_the_response_of_the_label_is_the_one_of_the_case(number: int, attempt: int) -> None:
    note = _note(number, attempt)
    if note.record.output.response is not None:
        told = canonical_items("response", note.record.output.response)
        course = {state for event in note.case.events for state in (event.best, "progression") if state}
        allowed = {*note.case.response, *course, "progression"}
        assert told <= frozenset().union(*(canonical_items("response", state) for state in allowed))
