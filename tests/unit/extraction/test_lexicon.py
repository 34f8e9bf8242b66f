"""Finding names in text."""

import pytest

from extraction.lexicon import Lexicon
from extraction.vocabulary import Entry
from extraction.wording import cleaned_value, normalised


def lexicon(*forms, patterns=()):
    entries = [Entry(code=form, label=form) for form in forms]
    return Lexicon([*entries, Entry(code="pattern", label="no such words", patterns=patterns)])


def found(table, text):
    return [mention.entry.code for mention in table.find(normalised(text))]


def test_the_longest_name_wins():
    assert found(lexicon("lung", "lung cancer"), "Lung cancer of the lung") == ["lung cancer", "lung"]


def test_names_are_found_as_whole_words_only():
    assert found(lexicon("ALK", "RET"), "alkaline phosphatase returned") == []


@pytest.mark.parametrize("text", ["T-DM1", "TDM1", "t-dm1"])
def test_a_hyphen_may_be_missing(text):
    assert found(lexicon("T-DM1"), text) == ["T-DM1"]


def test_a_blank_may_be_a_hyphen():
    assert found(lexicon("small cell lung"), "small-cell lung") == ["small cell lung"]


def test_longer_names_may_stand_in_the_plural_and_short_ones_may_not():
    assert found(lexicon("rib bone", "CR"), "rib bones, CRs") == ["rib bone"]


def test_a_minus_at_the_end_of_a_name_is_part_of_it():
    assert found(lexicon("ER-"), "ER") == []
    assert found(lexicon("ER-"), "ER- and more") == ["ER-"]


def test_patterns_count_like_names():
    assert found(lexicon("cat", patterns=[r"\bd[ou]g\b"]), "a dug and a cat") == ["pattern", "cat"]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Tumour  of the oesophagus", "tumor of the esophagus"),
        ("leukaemia, haemoglobin", "leukemia, hemoglobin"),
        ("PD\u2011L1 \u2265 50 %", "pd-l1 >= 50 %"),
        ("localised", "localized"),
    ],
)
def test_spelling_and_punctuation_are_one(written, read):
    assert normalised(written) == read


def test_words_that_merely_look_british_are_left_alone():
    assert normalised("excised, raised, advised") == "excised, raised, advised"


def test_an_empty_wording_is_no_value():
    assert cleaned_value(" Not specified. ") == ""
    assert cleaned_value("Stage IV.") == "stage iv"
