"""Agreement of values: a hand-written table, the vocabulary's own forms, and properties of any text."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from extraction.canonical import canonical_items, comparable_items
from extraction.schema import FIELDS
from extraction.vocabulary import vocabulary

TABLE = yaml.safe_load(Path(__file__).with_name("agreements.yml").read_text(encoding="utf-8"))


def pairs(kind: str) -> list[tuple[str, str, str]]:
    return [(field, left, right) for field, rows in TABLE[kind].items() for left, right in rows]


field_names = st.sampled_from(FIELDS)
wordings = {
    field: st.sampled_from(
        [form for entry in vocabulary(field) if entry.kind != "gene" for form in entry.surface_forms]
        if field != "biomarker"
        else [value.label for entry in vocabulary(field) for value in entry.values]
    )
    for field in FIELDS
}


def test_the_table_holds_at_least_150_pairs_in_all_fields():
    assert len(pairs("same") + pairs("different")) >= 150
    assert set(TABLE["same"]) == set(TABLE["different"]) == set(FIELDS)


@pytest.mark.parametrize(("field", "left", "right"), pairs("same"))
def test_wordings_of_one_fact_agree(field, left, right):
    assert canonical_items(field, left) == canonical_items(field, right) != frozenset()


@pytest.mark.parametrize(("field", "left", "right"), pairs("different"))
def test_different_facts_disagree(field, left, right):
    assert canonical_items(field, left) != canonical_items(field, right)


@pytest.mark.parametrize("field", [field for field in FIELDS if field != "biomarker"])
def test_every_surface_form_of_the_vocabulary_reads_as_its_entry(field):
    table = vocabulary(field)
    misread = {
        form: canonical_items(field, form)
        for entry in table
        if entry.kind != "gene"
        for form in entry.surface_forms
        if canonical_items(field, form) != frozenset([table[code].item for code in entry.expands] or [entry.item])
    }
    assert misread == {}


def test_every_named_result_of_a_biomarker_reads_as_that_result():
    misread = {
        form: canonical_items("biomarker", form)
        for marker in vocabulary("biomarker")
        for value in marker.values
        for form in (value.label, *value.synonyms)
        if canonical_items("biomarker", form) != {f"{marker.code} {value.equals or value.code}"}
    }
    assert misread == {}


@pytest.mark.parametrize("nothing", [None, "", "none", "N/A", "Not reported", "unknown", " . "])
@pytest.mark.parametrize("field", FIELDS)
def test_a_value_that_says_nothing_has_no_items(field, nothing):
    assert canonical_items(field, nothing) == frozenset()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("gene_mutation", "KRAS wild-type"),
        ("gene_mutation", "EGFR not detected; ALK negative"),
        ("gene_mutation", "NGS pending for EGFR"),
        ("biomarker", "PD-L1 pending"),
        ("biomarker", "KRAS wild-type"),
        ("treatment", "declined chemotherapy"),
        ("metastasis_site", "no distant metastases"),
    ],
)
def test_what_is_no_finding_has_no_items(field, value):
    assert canonical_items(field, value) == frozenset()


def test_a_value_unknown_to_the_vocabulary_is_an_item_of_its_own():
    assert canonical_items("treatment", "Zorblaxumab") == {"zorblaxumab"}
    assert canonical_items("treatment", "Zorblaxumab") != canonical_items("treatment", "Quuxinib")


def test_an_alteration_among_biomarkers_is_an_item_there_and_so_a_mistake():
    assert canonical_items("biomarker", "BRAF V600E; MSS") == {"braf v600e", "MSI stable"}


def test_a_bare_surgery_agrees_with_a_named_operation_on_either_side():
    named, bare = "lobectomy; cisplatin", "surgery; cisplatin"
    for left, right in ((named, bare), (bare, named)):
        gold, answer = comparable_items("treatment", left, right)
        assert gold == answer
    gold, answer = comparable_items("treatment", "lobectomy", "mastectomy")
    assert gold != answer


def test_surgery_does_not_agree_with_a_drug():
    gold, answer = comparable_items("treatment", "surgery", "cisplatin")
    assert gold & answer == frozenset()


@settings(max_examples=60, deadline=None)
@given(field=field_names, text=st.text(max_size=60))
def test_no_text_whatever_is_refused(field, text):
    assert all(isinstance(item, str) and item for item in canonical_items(field, text))


@settings(max_examples=60, deadline=None)
@given(data=st.data(), field=field_names)
def test_agreement_does_not_depend_on_the_side(data, field):
    left, right = data.draw(wordings[field]), data.draw(wordings[field])
    gold, answer = comparable_items(field, left, right)
    assert comparable_items(field, right, left) == (answer, gold)


LISTED = ("gene_mutation", "biomarker", "treatment", "metastasis_site")


@settings(max_examples=60, deadline=None)
@given(data=st.data(), field=st.sampled_from(LISTED))
def test_the_order_of_items_does_not_matter(data, field):
    values = data.draw(st.lists(wordings[field], min_size=2, max_size=4))
    assert canonical_items(field, "; ".join(values)) == canonical_items(field, "; ".join(reversed(values)))


@settings(max_examples=60, deadline=None)
@given(data=st.data(), field=field_names)
def test_case_does_not_matter(data, field):
    value = data.draw(wordings[field])
    assert canonical_items(field, value.upper()) == canonical_items(field, value.lower())


@pytest.mark.parametrize("field", LISTED)
def test_items_joined_by_a_semicolon_are_the_items_of_each(field):
    codes = [entry for entry in vocabulary(field) if entry.kind != "gene"][:40]
    for left, right in zip(codes, reversed(codes), strict=True):
        both = canonical_items(field, f"{left.label}; {right.label}")
        assert both <= canonical_items(field, left.label) | canonical_items(field, right.label)
        assert both
