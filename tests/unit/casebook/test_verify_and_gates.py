"""The verifier refuses what it must, and the gates compute what they say."""

from __future__ import annotations

from dataclasses import replace

import pytest

from casebook.catalogue import catalogue
from casebook.draw import draw_case
from casebook.gates import Gate, measure
from casebook.layout import Span
from casebook.measures import coverage, distinct, masked, msttr, nearest_jaccard, self_bleu, vocabulary_of, words
from casebook.note import Edition, Note, write_note
from casebook.verify import faults
from extraction.schema import DatasetRecord


@pytest.fixture(scope="module")
def note() -> Note:
    notes = (write_note(draw_case(number, 5, catalogue()), Edition(5, "train", catalogue())) for number in range(50))
    return next(found for found in notes if found.record.output.treatment and not faults(found))


def _with_output(note: Note, **fields: str | None) -> Note:
    output = note.record.output.model_copy(update=fields)
    return replace(note, record=DatasetRecord(input=note.record.input, output=output))


def test_a_label_that_no_span_supports_is_refused(note: Note) -> None:
    assert faults(_with_output(note, treatment="watchful waiting"))


def test_a_forgotten_label_is_refused(note: Note) -> None:
    assert faults(_with_output(note, treatment=None))


def test_a_span_that_says_something_else_is_refused(note: Note) -> None:
    spans = tuple(
        replace(span, tag="cancer_type|gastric adenocarcinoma|0|") if span.tag.startswith("cancer_type") else span
        for span in note.spans
    )
    assert any("is not what its text says" in fault for fault in faults(replace(note, spans=spans)))


def test_an_item_that_stands_twice_is_refused(note: Note) -> None:
    treatment = note.record.output.treatment
    assert any(
        "an item stands twice" in fault for fault in faults(_with_output(note, treatment=f"{treatment}; {treatment}"))
    )


def test_an_item_that_nothing_in_the_text_speaks_for_is_refused(note: Note) -> None:
    span = next(span for span in note.spans if span.tag.startswith("treatment|"))
    invented = Span(span.start, span.end, "treatment|tebentafusp|99|")
    output = f"{note.record.output.treatment}; tebentafusp"
    found = faults(replace(_with_output(note, treatment=output), spans=(*note.spans, invented)))
    assert "treatment has an item that the note does not support" in found


def test_a_distractor_that_reached_the_label_is_refused(note: Note) -> None:
    leaked = Span(0, 1, f"!considered|{note.record.output.treatment}")
    assert any("distractor" in fault for fault in faults(replace(note, spans=(*note.spans, leaked))))


def test_template_syntax_in_the_text_is_refused(note: Note) -> None:
    record = note.record.model_copy(update={"input": note.record.input + " {slot}"})
    assert any("template" in fault for fault in faults(replace(note, record=record)))


def test_a_masked_note_shows_neither_facts_nor_numbers(note: Note) -> None:
    text = masked(note)
    assert not any(character.isdigit() for character in text)
    assert "_" in text


def test_a_gate_is_a_floor_or_a_ceiling() -> None:
    assert Gate("x", 0.3, 0.3).passes
    assert not Gate("x", 0.31, 0.3).passes
    assert Gate("x", 0.31, 0.3, is_minimum=True).passes


def test_copies_are_as_near_as_can_be_and_strangers_are_far() -> None:
    one, other = "a b c d e".split(), "f g h i j".split()  # noqa: SIM905
    assert nearest_jaccard([one, other], [one]) == [1.0, 0.0]
    assert coverage([one], [one], 3) == 1.0
    assert coverage([other], [one], 3) == 0.0


def test_repetition_lowers_variety() -> None:
    varied, repeated = [[str(n) for n in range(200)]], [["a", "b"] * 100]
    assert distinct(varied, 2) == 1.0 > distinct(repeated, 2)
    assert msttr(varied) == 1.0 > msttr(repeated)
    assert self_bleu([repeated[0], repeated[0]]) > 99
    assert self_bleu([varied[0], repeated[0]]) < 5


def test_punctuation_is_no_word() -> None:
    tokens = words("one, two; three. " * 40)
    assert msttr([[*tokens]]) == msttr([[word for word in tokens if word.isalpha()]])
    assert vocabulary_of([tokens, ["12", "p.L858R", "-"]]) == {"one", "two", "three", "p.L858R"}


def test_a_small_dataset_keeps_the_hard_gates(sample: dict[str, list[Note]]) -> None:
    few = {split: notes[:80] for split, notes in sample.items()}
    gates = {gate.name: gate for gate in measure(few)}
    assert gates["duplicate notes"].passes
    assert gates["case keys shared between splits"].passes
    assert gates["cases with a clinical problem"].passes
    assert gates["notes whose label does not survive schema and canonical form"].passes
    assert gates["notes with a label item neither grounded nor by a named rule"].passes
    assert gates["notes with a distractor in a label"].passes
    assert gates["notes with another fault"].passes
