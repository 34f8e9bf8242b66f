"""An answer that ran out of room is closed: always a whole record, and nothing half-said is kept."""

from __future__ import annotations

import json

import pytest

from extraction.closing import close_answer, has_cut_value
from extraction.parser import parse_answer
from extraction.schema import FIELDS, LONGEST_VALUE_CHARACTERS, ExtractionRecord

SAID = {"cancer_type": "glioblastoma", "biomarker": "MGMT unmethylated; IDH1-wildtype", "response": "stable disease"}
ANSWER = ExtractionRecord(**dict.fromkeys(FIELDS) | SAID).answer()


@pytest.mark.parametrize("length", range(len(ANSWER) + 1))
def test_every_beginning_of_an_answer_closes_to_a_record_that_says_no_more(length: int) -> None:
    closed = close_answer(ANSWER[:length])
    said = json.loads(closed)
    assert parse_answer(closed).is_valid
    assert list(said) == list(FIELDS)
    assert all(value is None or (SAID[field] + ";").startswith(value + ";") for field, value in said.items())


def test_whole_items_of_the_value_that_was_being_written_are_kept() -> None:
    closed = close_answer('{"cancer_type":"glioma","stage":null,"gene_mutation":"KIT loss; FH mutation; NF1 mu')
    assert json.loads(closed)["gene_mutation"] == "KIT loss; FH mutation"


def test_a_whole_answer_stays_as_it_is() -> None:
    assert close_answer(ANSWER) == ANSWER


@pytest.mark.parametrize(
    ("length", "is_cut"), [(LONGEST_VALUE_CHARACTERS - 1, False), (LONGEST_VALUE_CHARACTERS, True)]
)
def test_a_value_at_the_bound_was_cut(length: int, is_cut: bool) -> None:
    assert has_cut_value(ANSWER.replace("glioblastoma", "g" * length)) is is_cut
