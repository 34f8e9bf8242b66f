"""Changed text keeps the way back to what was given."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extraction.alignment import AlignedText
from extraction.canonical.hgvs import aligned_one_letter, one_letter
from extraction.wording import aligned, normalised

LETTERS = (
    "aAeoSs\u03a3\u0130\u00df\ufb01\u00e9\u2192\u00d7\u00a0\u202f\u2013\r\n\t\x1c p.LeuArg_858*tumhae\u0301\U0001f600"
)
ODD = st.text(alphabet=LETTERS, max_size=60) | st.text(max_size=60)


@settings(max_examples=300, deadline=None)
@given(ODD)
def test_what_is_aligned_reads_as_what_is_normalised(text):
    assert aligned(text).text == normalised(text)


@settings(max_examples=100, deadline=None)
@given(ODD.map(normalised))
def test_amino_acids_are_shortened_in_aligned_text_as_in_plain_text(text):
    assert aligned_one_letter(text).text == one_letter(text)


@settings(max_examples=200, deadline=None)
@given(ODD)
def test_every_character_comes_from_a_place_in_the_text_and_places_never_go_back(text):
    changed = aligned(text)
    assert len(changed.text) == len(changed.origins)
    assert all(0 <= start < end <= len(text) for start, end in changed.origins)
    assert changed.origins == tuple(sorted(changed.origins))


@settings(max_examples=100, deadline=None)
@given(ODD, st.sampled_from(["o", "[aeiou]+", r"\s+", "tumour"]), st.sampled_from(["", "x", "yy", " -> "]))
def test_replacing_gives_what_the_pattern_gives(text, pattern, replacement):
    compiled = re.compile(pattern)
    assert AlignedText.of(text).sub(compiled, replacement).text == compiled.sub(replacement, text)


@pytest.mark.parametrize(
    ("note", "found", "words"),
    [
        ("An oesophageal TUMOUR.", "esophageal tumor", "oesophageal TUMOUR"),
        ("Haemangioma \u2192 stable", "hemangioma", "Haemangioma"),
        ("Haemangioma \u2192 stable", "->", "\u2192"),
        ("stage\r\n\u00a0 IV", "stage iv", "stage\r\n\u00a0 IV"),
        ("PD\u2011L1 \u2265 50 %", ">= 50 %", "\u2265 50 %"),
        ("😀 IL-2 and \u03b1-feto", "alpha", "\u03b1"),
    ],
)
def test_words_found_in_normalised_text_are_shown_as_the_note_has_them(note, found, words):
    changed = aligned(note)
    at = changed.text.index(found)
    start, end = changed.origin((at, at + len(found)))
    assert note[start:end] == words
