"""Examples of mistakes as the report shows them: the note unchanged but for its marks, and the marks said in words."""

from __future__ import annotations

import html
import re

import pytest

from extraction.examples import choose_examples
from extraction.mistakes import MistakeKind
from extraction.schema import FIELDS, DatasetRecord, ExtractionRecord
from fine_tune_slm.report.mistakes import MEANINGS, kind_rows, show_example

NOTE = "Synthetic <note>: stage II breast cancer & liver metastasis.\nStarted letrozole."
GOLD = ExtractionRecord(
    **dict.fromkeys(FIELDS)
    | {"cancer_type": "breast cancer", "stage": "II", "treatment": "letrozole", "metastasis_site": "liver"}
)
RECORD = DatasetRecord(input=NOTE, output=GOLD)


def shown(answer):
    (example,) = choose_examples([RECORD], [answer]).examples
    return show_example(example)


@pytest.fixture
def example():
    return shown(
        GOLD.model_copy(update={"stage": None, "metastasis_site": "brain", "response": "progression"}).answer()
    )


def marks_of(example):
    return re.findall(r'<mark class="(\w+)">([^<]+)<span class="tag"> ([^<]+)</span></mark>', example.note)


def test_the_words_behind_each_value_are_marked_and_said_to_be_found_or_missed(example):
    marks = {words: (status, tag) for status, words, tag in marks_of(example)}
    assert marks["breast cancer"] == ("found", "cancer type found")
    assert marks["letrozole"] == ("found", "treatment found")
    assert marks["stage II"] == ("missed", "stage missed")
    assert marks["liver"][0] == "missed"


def test_words_that_misled_the_model_are_marked_wrong():
    answer = GOLD.model_copy(update={"response": "liver", "treatment": "letrozole; surgery"}).answer()
    record = RECORD.model_copy(update={"input": f"{NOTE} Surgery was declined."})
    (example,) = choose_examples([record], [answer]).examples
    assert ("wrong", "Surgery", "treatment wrong") in marks_of(show_example(example))


def test_the_note_is_whole_and_escaped(example):
    without_tags = re.sub(r'<span class="tag">[^<]*</span>', "", example.note)
    assert html.unescape(re.sub(r"</?mark[^>]*>", "", without_tags)) == NOTE
    assert "<note>" not in example.note
    assert "&lt;note&gt;" in example.note


def test_each_value_stands_beside_what_it_should_be(example):
    rows = {row.field: row for row in example.rows}
    assert (rows["stage"].gold, rows["stage"].answer, rows["stage"].verdict) == ("II", "", "omission")
    assert rows["cancer_type"].verdict == ""
    assert "no support in the note for" in rows["response"].verdict
    assert "biomarker" not in rows


def test_an_answer_that_is_no_record_is_shown_as_it_was_written():
    assert shown("I am sorry <b>").raw == "I am sorry <b>"
    assert shown(GOLD.model_copy(update={"stage": None}).answer()).raw is None


def test_every_kind_of_mistake_is_explained():
    assert set(MEANINGS) == set(MistakeKind)


def test_a_model_whose_mistakes_were_not_counted_has_no_rows(metrics):
    assert kind_rows(metrics) == []
