"""What counts as a use of a code, how many a code needs, and that every code has a place in the data files."""

from __future__ import annotations

from dataclasses import replace

from casebook.catalogue import catalogue
from casebook.coverage import code_coverage, codes_used, expected_uses, target_codes
from casebook.generate import Counts, write_notes
from casebook.note import Note
from extraction.schema import FIELDS
from extraction.vocabulary import vocabulary

NOTES = write_notes(5, Counts(train=60, validation=1, challenge=1))["train"]


def _treated(note: Note, label: str | None) -> Note:
    output = note.record.output.model_copy(update={"treatment": label})
    return replace(note, record=note.record.model_copy(update={"output": output}))


def test_a_code_is_short_until_it_has_its_five_uses() -> None:
    note = next(note for note in NOTES if note.record.output.stage == "IV")
    assert "IV" in code_coverage([note] * 4).short["stage"]
    assert "IV" not in code_coverage([note] * 5).short["stage"]


def test_two_uses_are_enough_for_a_rare_code() -> None:
    rare = expected_uses().rare["stage"]
    note = NOTES[0]
    staged = replace(
        note,
        record=note.record.model_copy(update={"output": note.record.output.model_copy(update={"stage": "IIID"})}),
    )
    assert "IIID" in rare
    assert "IIID" in code_coverage([staged]).short["stage"]
    assert "IIID" not in code_coverage([staged] * 2).short["stage"]


def test_a_treatment_that_the_note_leaves_out_is_not_used() -> None:
    note = next(note for note in NOTES if note.record.output.treatment)
    assert set(codes_used("treatment", note))
    assert not set(codes_used("treatment", _treated(note, None)))


def test_the_share_is_that_of_the_codes_that_labels_can_hold() -> None:
    found = code_coverage(NOTES)
    targets = sum(len(list(target_codes(field))) for field in FIELDS)
    assert found.share == 1 - sum(map(len, found.short.values())) / targets
    assert code_coverage([]).share == 0.0


def test_every_cancer_of_the_vocabulary_has_an_entity() -> None:
    assert {entity.code for entity in catalogue().entities} == set(target_codes("cancer_type"))


def test_rare_and_omitted_codes_are_codes_of_the_vocabulary() -> None:
    uses = expected_uses()
    for codes_by_field in (uses.rare, uses.never):
        for field, codes in codes_by_field.items():
            assert all(code in vocabulary(field) for code in codes), field
