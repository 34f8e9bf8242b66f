"""The vocabulary's files: one schema, sizes, and what refuses a broken file."""

import pytest
from pydantic import ValidationError

from extraction.schema import FIELDS
from extraction.vocabulary import Entry, Vocabulary, VocabularyFile, vocabulary


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_has_a_vocabulary(field):
    table = vocabulary(field)
    assert len(table) == len(list(table)) > 0
    assert all(table[entry.code] == entry for entry in table)


def test_the_vocabulary_is_as_broad_as_the_dataset_needs():
    genes = [entry for entry in vocabulary("gene_mutation") if entry.kind != "gene"]
    assert len(vocabulary("cancer_type")) >= 40
    assert len(genes) >= 120
    assert len({entry.gene for entry in genes}) >= 55
    assert len(vocabulary("treatment")) >= 220
    assert len(vocabulary("biomarker")) >= 28
    assert len(vocabulary("metastasis_site")) >= 22


def test_every_alteration_belongs_to_a_gene_of_the_table():
    table = vocabulary("gene_mutation")
    orphans = [
        entry.code for entry in table if entry.kind != "gene" and (not entry.alteration or entry.gene not in table)
    ]
    assert orphans == []


@pytest.mark.parametrize("field", FIELDS)
def test_a_surface_form_names_one_concept_only(field):
    owners: dict[str, set[str]] = {}
    for entry in vocabulary(field):
        for form in entry.surface_forms:
            owners.setdefault(form.lower(), set()).add(entry.item if entry.kind != "gene" else f"gene {entry.code}")
    assert {form: names for form, names in owners.items() if len(names) > 1} == {}


def test_every_value_that_equals_another_names_one_that_exists_or_a_number():
    for marker in vocabulary("biomarker"):
        codes = {value.code for value in marker.values}
        assert {value.equals for value in marker.values if value.equals} <= codes


def test_every_treatment_has_a_kind_and_every_drug_a_class():
    table = vocabulary("treatment")
    assert [entry.code for entry in table if not entry.kind] == []
    assert [entry.code for entry in table if entry.kind in {"drug", "regimen"} and not entry.drug_class] == []


def entry(**changes):
    return Entry.model_validate({"code": "a", "label": "a"} | changes)


def test_a_repeated_code_is_refused():
    with pytest.raises(ValidationError, match="codes appear twice: a"):
        Vocabulary(field="stage", entries=(entry(), entry()))


@pytest.mark.parametrize("key", ["expands", "implies", "broader"])
def test_a_code_that_does_not_exist_is_refused(key):
    with pytest.raises(ValidationError, match="unknown codes"):
        Vocabulary(field="stage", entries=(entry(**{key: ["b"]}),))


def test_a_pattern_that_does_not_compile_is_refused():
    with pytest.raises(ValidationError, match="does not compile"):
        VocabularyFile(field="stage", source="a book", entries=(entry(patterns=["("]),))


def test_a_misspelled_key_is_refused():
    with pytest.raises(ValidationError):
        entry(synonym=["b"])


def test_an_unknown_code_is_a_key_error():
    assert vocabulary("stage").get("VII") is None
    assert "VII" not in vocabulary("stage")
    with pytest.raises(KeyError):
        vocabulary("stage")["VII"]


@pytest.mark.parametrize("field", FIELDS)
def test_every_entry_says_where_it_comes_from(field):
    assert [entry.code for entry in vocabulary(field) if not entry.source] == []


def test_an_entry_takes_the_source_of_its_class_then_of_its_kind_then_of_its_file():
    file = VocabularyFile(
        field="treatment",
        source="of the file",
        sources={"taxane": "of the class", "drug": "of the kind"},
        entries=(
            entry(code="a", kind="drug", drug_class="taxane"),
            entry(code="b", kind="drug"),
            entry(code="c"),
            entry(code="d", kind="drug", source="its own"),
        ),
    )
    assert [e.source for e in file.sourced_entries()] == ["of the class", "of the kind", "of the file", "its own"]


def test_a_source_of_no_entry_is_refused():
    with pytest.raises(ValidationError, match="sources of no entry: drug"):
        VocabularyFile(field="stage", source="a book", sources={"drug": "a label"}, entries=(entry(),))
