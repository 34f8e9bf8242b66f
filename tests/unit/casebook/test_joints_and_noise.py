"""How clauses follow each other and what hurried typing does to them."""

from __future__ import annotations

from casebook.catalogue import catalogue
from casebook.clauses import Clause, Draft
from casebook.grammar import Piece, text_of
from casebook.joints import Joints, is_finite, is_poor, lowered
from casebook.layout import compose, render
from casebook.noise import add_noise
from casebook.streams import Stream

GENRE = {**catalogue().layout, "joining": 1.0}
STAGE = "stage|IV|0|"


def _noisy(pieces: list[Piece], seed: int) -> tuple[list[Piece], tuple[str, ...]]:
    return add_noise(pieces, catalogue(), Stream(seed, "noise", 0))


def test_a_sentence_is_finite_and_a_fragment_is_not() -> None:
    assert is_finite([Piece("She was given "), Piece("osimertinib", "treatment|osimertinib|0|")])
    assert not is_finite([Piece("Status post "), Piece("lobectomy", "treatment|lobectomy|0|")])


def test_sections_are_numbered_in_sequence_when_one_is_left_out() -> None:
    draft = Draft()
    for block in ("opening", "course"):
        draft.blocks[block].append(Clause([Piece("Seen today.")], block))
    genre = {**GENRE, "layouts": [["1) Case: opening", "2) Extent: staging", "3) Therapy: course"]], "separator": "\n"}
    text = text_of(compose(draft, genre, Stream(1, "layout", 0)))
    assert "2) " in text
    assert "3) " not in text


def test_a_line_of_nothing_but_facts_is_poor() -> None:
    assert is_poor([Piece("Stage: "), Piece("IV", STAGE), Piece(".")])
    assert not is_poor([Piece("Staging after the operation gave "), Piece("IV", STAGE)])


def test_only_common_words_lose_their_capital() -> None:
    assert text_of(lowered([Piece("The disease grew.")])) == "the disease grew."
    assert text_of(lowered([Piece("CT showed it.")])) == "CT showed it."
    assert text_of(lowered([Piece("Osimertinib", "treatment|osimertinib|0|")])) == "osimertinib"
    assert text_of(lowered([Piece("Tagrisso", "treatment|osimertinib|0|")])) == "Tagrisso"


def test_a_response_in_common_words_loses_its_capital_behind_a_joint() -> None:
    genre = {**GENRE, "introducing": 0.0}  # a telegraphic note joins whatever it can
    joints = Joints(genre, Stream(1, "layout", 0))
    fact = [Piece("Some lesions are smaller.", "response|mixed response|0|mixed")]
    pieces = list(joints.linked([], [Piece("Seen today.")], "status", is_first=True))
    assert text_of(joints.linked(pieces, fact, "status", is_first=False)).startswith("some lesions")
    assert not text_of(pieces).endswith(".")


def test_steps_of_a_course_are_joined_by_words_of_time() -> None:
    for seed in range(20):
        joints = Joints(GENRE, Stream(seed, "layout", 0))
        pieces = list(joints.linked([], [Piece("She underwent surgery.")], "course", is_first=True))
        following = joints.linked(pieces, [Piece("She received tablets.")], "course", is_first=False)
        joint = text_of(pieces).removeprefix("She underwent surgery")
        assert any(word in joint for word in ("after", "then", "following", "subsequently", "later", "due course"))
        assert text_of(following) == "she received tablets."


def test_what_says_its_own_time_gets_no_word_of_time() -> None:
    for seed in range(20):
        joints = Joints(GENRE, Stream(seed, "layout", 0))
        pieces = list(joints.linked([], [Piece("She underwent surgery.")], "course", is_first=True))
        joints.linked(pieces, [Piece("After this she was well.")], "course", is_first=False)
        assert ", after which" not in text_of(pieces)


def test_typos_leave_tagged_text_and_numbers_alone() -> None:
    drug = Piece("carboplatin and paclitaxel", "treatment|carboplatin and paclitaxel|0|")
    pieces = [Piece("The patient received "), drug, Piece(" after the operation in 2019, dose 450 mg.")]
    changed = 0
    for seed in range(60):
        noisy, kinds = _noisy(pieces, seed)
        kept = next(piece.text for piece in noisy if piece.tag)
        assert kept.lower() == drug.text
        assert "2019" in text_of(noisy)
        assert "450" in text_of(noisy)
        changed += "typos" in kinds
    assert changed


def test_units_are_converted_with_their_numbers() -> None:
    pieces = [Piece("Hb 10.8 g/dL today.")]
    texts = {text_of(_noisy(pieces, seed)[0]) for seed in range(60)}
    assert any("108 g/L" in text for text in texts)
    assert any("10.8 g/dL" in text for text in texts)


def test_noise_that_changes_nothing_is_not_named() -> None:
    assert all(kinds == () for kinds in (_noisy([Piece("42")], seed)[1] for seed in range(60)))


def test_spans_still_stand_where_they_say_after_noise() -> None:
    pieces = [Piece("Tumour of the patient: "), Piece("stage IV", STAGE), Piece(", seen with the family.")]
    for seed in range(40):
        text, spans = render(_noisy(pieces, seed)[0])
        assert text[spans[0].start : spans[0].end].lower() == "stage iv"
