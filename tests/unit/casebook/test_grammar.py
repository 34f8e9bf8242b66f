"""The clause grammar: choices, rules, slots, articles and sentences."""

from __future__ import annotations

import pytest

from casebook.grammar import FrameError, Piece, Writer, parse, sentence, slots_of, text_of
from casebook.streams import Stream


def _writer(seed: int = 1) -> Writer:
    return Writer(Stream(seed, "test", 0), {"verb": ("shows",)})


def test_rules_slots_and_tags_survive_expansion() -> None:
    pieces = _writer().expand("CT <verb> {r}", {"r": [Piece("growth", "response|progression|1|")]})
    assert text_of(pieces) == "CT shows growth"
    assert pieces[-1].tag == "response|progression|1|"


def test_every_option_of_a_choice_is_reached() -> None:
    texts = {text_of(_writer(seed).expand("[a|b[c|d]|]", {})) for seed in range(60)}
    assert texts == {"a", "bc", "bd", ""}


def test_a_slot_in_one_option_only_is_not_needed() -> None:
    assert slots_of("[{x} and|] {y}") == {"y"}


@pytest.mark.parametrize("frame", ["[a|b", "a]b"])
def test_unbalanced_brackets_are_refused(frame: str) -> None:
    with pytest.raises(FrameError):
        parse(frame)


def test_an_unknown_rule_or_an_unfilled_slot_is_refused() -> None:
    with pytest.raises(FrameError):
        _writer().expand("<nothing>", {})
    with pytest.raises(FrameError):
        _writer().expand("{nothing}", {})


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        ("@a {x}-year-old", "An 81-year-old."),
        ("had @a EGFR test", "Had an EGFR test."),
        ("@a stable course", "A stable course."),
        ("one  two , three", "One two, three."),
    ],
)
def test_sentences_have_articles_capitals_and_a_full_stop(frame: str, text: str) -> None:
    assert text_of(sentence(_writer().expand(frame, {"x": "81"}))) == text
