"""The lines that `extract` prints, with and without evidence."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extraction.answer_line import evidenced_line, plain_line, read_evidenced_line
from extraction.evidence import evidence_of
from extraction.parser import record_of
from extraction.schema import FIELDS

NOTE = "Synthetic note: stage IV, liver metastases."
RECORD = record_of({"stage": "IV", "metastasis_site": "liver; brain"})


def test_without_evidence_a_line_is_the_record_alone():
    assert json.loads(plain_line(RECORD)) == RECORD


def test_with_evidence_the_seven_fields_stay_where_they_are():
    line = json.loads(evidenced_line(RECORD, NOTE))
    assert {field: line[field] for field in FIELDS} == RECORD
    assert line["evidence"]["metastasis_site"] == [
        {
            "item": "liver",
            "is_grounded": True,
            "rule": "surface form",
            "spans": [{"start": 26, "end": 31, "text": "liver"}],
        },
        {"item": "brain", "is_grounded": False, "rule": None, "spans": []},
    ]
    assert line["evidence"]["treatment"] == []


@settings(max_examples=50, deadline=None)
@given(st.dictionaries(st.sampled_from(FIELDS), st.text(max_size=30)), st.text(max_size=50))
def test_what_was_written_is_read_again(values, note):
    record = record_of(values)
    read = read_evidenced_line(evidenced_line(record, note))
    assert (read.record, read.evidence) == (record, evidence_of(record, note))


@pytest.mark.parametrize("line", ["", "7", "{}", '{"evidence": {"stage": 1}}'])
def test_a_line_of_another_shape_is_refused(line):
    with pytest.raises(ValueError, match=r"\w"):
        read_evidenced_line(line)
