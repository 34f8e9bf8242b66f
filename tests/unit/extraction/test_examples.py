"""Examples of mistakes: each kind that was made, on short notes, none twice."""

import pytest

from extraction.examples import EXAMPLES_PER_KIND, Examples, choose_examples
from extraction.mistakes import MistakeKind
from extraction.schema import FIELDS, DatasetRecord, ExtractionRecord

GOLD = ExtractionRecord(**dict.fromkeys(FIELDS) | {"cancer_type": "breast cancer", "stage": "II"})


def record(number):
    return DatasetRecord(input=f"Synthetic note{' at length' * number}: stage II breast cancer.", output=GOLD)


RECORDS = [record(number) for number in (5, 3, 1, 4, 2)]
RIGHT = GOLD.answer()
OMITTED = GOLD.model_copy(update={"stage": None}).answer()
INVENTED = GOLD.model_copy(update={"response": "progression"}).answer()
OMITTED_AND_INVENTED = GOLD.model_copy(update={"stage": None, "response": "progression"}).answer()


def chosen(*answers):
    return [(example.kind, example.number) for example in choose_examples(RECORDS, answers).examples]


def test_the_shortest_notes_that_show_a_kind_are_chosen():
    assert chosen(OMITTED, OMITTED, OMITTED, OMITTED, RIGHT) == [(MistakeKind.OMISSION, 3), (MistakeKind.OMISSION, 2)]
    assert EXAMPLES_PER_KIND == 2


def test_no_note_is_shown_twice_and_each_kind_has_its_turn():
    assert chosen(INVENTED, OMITTED, OMITTED_AND_INVENTED, RIGHT, RIGHT) == [
        (MistakeKind.NULL_HALLUCINATION, 3),
        (MistakeKind.NULL_HALLUCINATION, 1),
        (MistakeKind.OMISSION, 2),
    ]


def test_an_example_tells_every_mistake_of_its_note():
    (example,) = choose_examples(RECORDS[:1], [OMITTED_AND_INVENTED]).examples
    assert [(mistake.kind, mistake.field, mistake.missing or mistake.spurious) for mistake in example.mistakes] == [
        (MistakeKind.OMISSION, "stage", "II"),
        (MistakeKind.NULL_HALLUCINATION, "response", "progression"),
    ]
    assert (example.note, example.gold, example.answer) == (RECORDS[0].input, GOLD, OMITTED_AND_INVENTED)


def test_answers_without_a_mistake_give_no_example():
    assert choose_examples(RECORDS, [RIGHT] * 5).examples == ()


def test_an_answer_that_never_ended_is_cut():
    (example,) = choose_examples(RECORDS[:1], ["prose " * 1000]).examples
    assert (example.kind, len(example.answer)) == (MistakeKind.FORMAT, 2000)


def test_examples_survive_their_file():
    examples = choose_examples(RECORDS, [OMITTED] * 5)
    assert Examples.model_validate_json(examples.model_dump_json()) == examples


def test_answers_must_be_as_many_as_notes():
    with pytest.raises(ValueError, match="shorter"):
        choose_examples(RECORDS, [RIGHT])
