"""Where a (synthetic) note supports the items of an answer, in offsets of the note as it was given."""

from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extraction.canonical import canonical_items
from extraction.evidence import evidence_of
from extraction.grounding import is_grounded
from extraction.parser import record_of
from extraction.schema import FIELDS, DatasetRecord
from extraction.scores import score

DATASET = Path(__file__).parents[3] / "synthetic-instruction-tuning-dataset" / "validation.jsonl"
NOTE = """Synthetic note. 61-year-old woman with oesophageal adenocarcinoma, PD-L1 (22C3) 15 %, HER2 negative. EGFR:
p.Leu858Arg and T790M. FOLFOX was given; PD-L1 again 15 %. Progressive disease: osseous metastases."""


@pytest.fixture(scope="module")
def records() -> list[DatasetRecord]:
    with DATASET.open(encoding="utf-8") as lines:
        return [DatasetRecord.model_validate_json(line) for line in islice(lines, 0, 500, 12)]


def words_for(field, value, note=NOTE):
    """Return, for each item of a value, its rule and the words that support it."""
    found = evidence_of(record_of({field: value}), note)[field]
    return {one.item: (one.rule, [span.text for span in one.spans]) for one in found}


def assert_sound(evidence, note):
    for field, items in evidence.items():
        for one in items:
            assert one.is_grounded == bool(one.spans) == (one.rule is not None) == is_grounded(field, one.item, note)
            ends = [0, *(span.end for span in one.spans)]
            assert all(end <= span.start < span.end for end, span in zip(ends, one.spans, strict=False))
            assert all(note[span.start : span.end] == span.text for span in one.spans)
            said = " ".join(span.text for span in one.spans)
            assert not one.spans or is_grounded(field, one.item, said), (field, one.item, said)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("cancer_type", "esophageal cancer", {"gastroesophageal": ("surface form", ["oesophageal adenocarcinoma"])}),
        ("stage", "IV", {"IV": ("metastatic disease is stage IV", ["metastases"])}),
        ("gene_mutation", "EGFR L858R", {"EGFR L858R": ("surface form", ["EGFR:\np.Leu858Arg"])}),
        ("biomarker", "PD-L1 15%", {"PD-L1 15%": ("number", ["PD-L1 (22C3) 15 %"])}),
        ("biomarker", "HER2 negative", {"HER2 negative": ("marker and value", ["HER2 negative"])}),
        ("biomarker", "HER2 positive", {"HER2 positive": ("marker named", ["HER2"])}),
        ("treatment", "oxaliplatin", {"oxaliplatin": ("component of a regimen", ["FOLFOX"])}),
        ("metastasis_site", "bone", {"bone": ("surface form", ["osseous"])}),
        ("metastasis_site", "brain", {"brain": (None, [])}),
    ],
)
def test_an_item_is_shown_with_its_rule_and_the_words_of_the_note(field, value, expected):
    assert words_for(field, value) == expected


def test_each_item_of_a_value_has_its_own_evidence_in_the_order_of_the_value():
    found = words_for("gene_mutation", "EGFR T790M; ALK fusion; EGFR L858R")
    assert list(found) == ["EGFR T790M", "ALK fusion", "EGFR L858R"]
    assert found["ALK fusion"] == (None, [])
    assert found["EGFR T790M"] == ("gene and alteration near each other", ["EGFR", "T790M"])


def test_of_several_mentions_the_first_is_shown():
    note = "Synthetic. Osimertinib from May. She tolerates osimertinib well."
    (one,) = evidence_of(record_of({"treatment": "osimertinib"}), note)["treatment"]
    assert [(span.start, span.end) for span in one.spans] == [(11, 22)]


def test_a_name_of_three_letters_that_may_mean_something_else_gives_way_to_a_longer_one():
    assert words_for("response", "progression")["progression"] == ("surface form", ["Progressive disease"])
    assert words_for("response", "progression", "Synthetic. CT: PD.")["progression"] == ("surface form", ["PD"])


def test_a_marker_without_its_number_gives_way_to_the_one_that_stands_beside_it():
    note = "Synthetic. CA-125 was sent in May. In June her weight was 60 kg and CA 125 1,240."
    (one,) = evidence_of(record_of({"biomarker": "CA-125 1240"}), note)["biomarker"]
    assert [span.text for span in one.spans] == ["CA 125 1,240"]


def test_items_may_share_words_of_the_note():
    note = "Synthetic. Stage IV triple-negative breast cancer with liver metastases."
    found = evidence_of(record_of({"cancer_type": "TNBC", "biomarker": "ER negative"}), note)
    (cancer,), (marker,) = found["cancer_type"][0].spans, found["biomarker"][0].spans
    assert (cancer.text, marker.text) == ("triple-negative breast cancer", "triple-negative")
    assert cancer.start == marker.start


def test_a_value_that_says_nothing_has_no_items_and_a_missing_one_neither():
    assert evidence_of(record_of({"stage": "not reported"}), NOTE) == dict.fromkeys(FIELDS, ())


def test_the_ungrounded_rate_is_the_share_of_items_without_evidence(records):
    """Each note is held against its own labels and against those of the next note, which it mostly does not support."""
    notes = [record.input for record in records] * 2
    answers = [record.output for record in (*records, *records[1:], records[0])]
    found = [evidence_of(record_of(given.model_dump()), note) for given, note in zip(answers, notes, strict=True)]
    items = [one for evidence in found for field in evidence.values() for one in field]
    report = score(answers, [given.answer() for given in answers], notes, bootstrap=1)
    ungrounded = sum(not one.is_grounded for one in items)
    assert 0 < ungrounded < len(items)
    assert report.ungrounded_rate == ungrounded / len(items)


def test_the_words_shown_support_the_item_by_themselves_in_every_note_of_the_dataset(records):
    for record in records:
        evidence = evidence_of(record_of(record.output.model_dump()), record.input)
        assert_sound(evidence, record.input)
        assert {field: {one.item for one in evidence[field]} for field in FIELDS} == {
            field: canonical_items(field, getattr(record.output, field)) for field in FIELDS
        }


BRITISH = (
    ("tumor", "tumour"),
    ("esoph", "oesoph"),
    ("leukem", "leukaem"),
    ("estrogen", "oestrogen"),
    ("anem", "anaem"),
)
CASES = (str, str.upper, str.lower, str.title, str.swapcase)
BLANKS = (" ", "\n", "\r\n", "\u00a0", "  ", " \n\t ", "\u2009", " 😀 ")


def as_british(text: str) -> str:
    for american, british in BRITISH:
        text = text.replace(american, british)
    return text


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_spelling_case_and_line_breaks_leave_the_evidence_sound(data, records):
    record = data.draw(st.sampled_from(records))
    answer = record_of(data.draw(st.sampled_from(records)).output.model_dump()) | {"stage": record.output.stage}
    words = as_british(record.input).split(" ")
    blanks = data.draw(st.lists(st.sampled_from(BLANKS), min_size=len(words), max_size=len(words)))
    change = data.draw(st.sampled_from(CASES))
    note = "".join(change(word) + blank for word, blank in zip(words, blanks, strict=True))
    assert_sound(evidence_of(answer, note), note)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=80), st.sampled_from(FIELDS), st.text(max_size=20))
def test_any_text_is_a_note_and_any_value_an_answer(text, field, value):
    note = f"{text} stage IV {value}"
    assert_sound(evidence_of(record_of({field: value}), note), note)
