"""Reading a model's raw output."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extraction.parser import parse_answer, record_of
from extraction.schema import FIELDS

RECORD = dict.fromkeys(FIELDS) | {"cancer_type": "melanoma (cutaneous)", "stage": "IV", "treatment": 'the "new" drug'}
EXACT = json.dumps(RECORD)


def test_exactly_the_seven_keys_are_valid():
    answer = parse_answer(EXACT)
    assert answer.is_valid
    assert answer.record == RECORD


@pytest.mark.parametrize("around", ["\n%s\n", "  %s"])
def test_blanks_around_the_object_do_not_matter(around):
    assert parse_answer(around % EXACT).is_valid


@pytest.mark.parametrize(
    "raw",
    [
        f"Here is the record: {EXACT}",
        f"```json\n{EXACT}\n```",
        EXACT + EXACT,
        EXACT[:-1],
        f"Fields are {{like this}}. {EXACT} Done.",
    ],
)
def test_a_record_inside_other_text_is_scored_but_not_valid(raw):
    answer = parse_answer(raw)
    assert not answer.is_valid
    assert answer.record == RECORD


def test_the_complete_pairs_of_a_cut_off_answer_are_kept():
    cut = EXACT[: EXACT.index("the ") + 3]
    assert parse_answer(cut).record == RECORD | {"treatment": None}


@pytest.mark.parametrize("raw", ["", "I cannot answer.", "[]", "null", '"text"', "{", "{" * 5000, "[" * 100_000, "7"])
def test_output_without_a_record_has_none(raw):
    answer = parse_answer(raw)
    assert answer.record is None
    assert not answer.is_valid


@pytest.mark.parametrize(
    "changes", [{"extra": "key"}, {"stage": 4}, {"stage": ["IV"]}, {"stage": {"group": "IV"}}, {"stage": True}]
)
def test_other_keys_and_other_types_are_not_valid(changes):
    assert not parse_answer(json.dumps(RECORD | changes)).is_valid


def test_a_missing_key_is_not_valid_and_reads_as_null():
    answer = parse_answer(json.dumps({key: value for key, value in RECORD.items() if key != "stage"}))
    assert not answer.is_valid
    assert answer.record == RECORD | {"stage": None}


def test_a_repeated_key_is_not_valid():
    assert not parse_answer(EXACT[:-1] + ', "stage": "III"}').is_valid


def test_lists_are_read_as_several_items():
    assert record_of({"metastasis_site": ["liver", None, "bone"]})["metastasis_site"] == "liver; bone"


def test_half_a_surrogate_pair_does_not_reach_a_file():
    value = parse_answer('{"stage": "\\ud800"}').record["stage"]
    assert value.encode("utf-8") == b"?"


@settings(max_examples=50, deadline=None)
@given(st.text() | st.recursive(st.none() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(
    st.sampled_from(FIELDS), inner), max_leaves=8).map(json.dumps))  # fmt: skip
def test_no_output_whatever_raises(raw):
    answer = parse_answer(raw)
    assert answer.record is None or set(answer.record) == set(FIELDS)
