"""The record and the line that carries it."""

import json

import pytest
from pydantic import ValidationError

from extraction.schema import FIELDS, INSTRUCTION, DatasetRecord, ExtractionRecord

NOTHING = dict.fromkeys(FIELDS)


def test_the_answer_is_compact_json_in_field_order():
    record = ExtractionRecord(**{**NOTHING, "response": "partial response", "biomarker": "Ki-67 ≥20%"})
    assert record.answer() == (
        '{"cancer_type":null,"stage":null,"gene_mutation":null,"biomarker":"Ki-67 ≥20%",'
        '"treatment":null,"response":"partial response","metastasis_site":null}'
    )


@pytest.mark.parametrize("value", ["", " ", " IV", "IV\n", 4, ["IV"], True])
def test_a_value_is_a_trimmed_string_or_null(value):
    with pytest.raises(ValidationError):
        ExtractionRecord(**{**NOTHING, "stage": value})


@pytest.mark.parametrize("field", FIELDS)
def test_no_field_may_be_missing(field):
    with pytest.raises(ValidationError):
        ExtractionRecord(**{name: None for name in FIELDS if name != field})


def test_other_keys_are_refused():
    with pytest.raises(ValidationError):
        ExtractionRecord(**NOTHING, grade="2")


def test_a_refusal_does_not_repeat_the_note():
    with pytest.raises(ValidationError) as refusal:
        DatasetRecord(input="A SECRET NOTE ", output=ExtractionRecord(**NOTHING))
    assert "SECRET" not in str(refusal.value)


def test_a_dataset_line_reads_back_as_the_same_record():
    record = DatasetRecord(input="Two lines.\nOf a note.", output=ExtractionRecord(**{**NOTHING, "stage": "IV"}))
    line = record.json_line()
    assert "\n" not in line
    assert DatasetRecord.model_validate_json(line) == record
    assert list(json.loads(line)) == ["instruction", "input", "output"]
    assert record.instruction == INSTRUCTION


def test_a_record_cannot_be_changed():
    record = ExtractionRecord(**NOTHING)
    with pytest.raises(ValidationError):
        record.stage = "IV"
