"""The counts of single notes: what they say, and that they compare as the answers themselves do."""

import pytest

from extraction.comparison import compare, compare_counts
from extraction.outcomes import COLUMNS, note_counts, statistics, summed
from extraction.schema import FIELDS, ExtractionRecord

GOLDS = [
    ExtractionRecord(**dict.fromkeys(FIELDS) | {"cancer_type": "breast cancer", "stage": stage, "response": response})
    for stage, response in (("II", None), ("IV", "progression"), (None, "stable disease"), ("IIIA", None))
]
NOTHING = ExtractionRecord(**dict.fromkeys(FIELDS)).answer()


def test_a_note_is_counted_as_agreed_spurious_and_missing_items_by_field():
    answer = GOLDS[1].model_copy(update={"stage": "III", "response": None}).answer()
    (counts,) = note_counts(GOLDS[1:2], [answer])
    assert len(counts) == len(COLUMNS)
    by_field = dict(zip(FIELDS, (counts[at : at + 3] for at in range(0, 21, 3)), strict=True))
    assert by_field["cancer_type"] == (1, 0, 0)
    assert by_field["stage"] == (0, 1, 1)
    assert by_field["response"] == (0, 0, 1)
    assert counts[-2:] == (0, 1)


def test_counts_of_all_notes_together_give_the_scores():
    macro_f1, _micro, exact, *_fields = statistics(summed(note_counts(GOLDS, [gold.answer() for gold in GOLDS])))
    assert (macro_f1, exact) == (1.0, 1.0)


def test_counts_compare_as_the_answers_do():
    answers = [gold.answer() for gold in GOLDS[:3]] + [NOTHING]
    others = [NOTHING] * 4
    by_answers = compare(GOLDS, answers, others, bootstrap=50)
    assert by_answers.fields["cancer_type"].difference > 0
    assert compare_counts(note_counts(GOLDS, answers), note_counts(GOLDS, others), bootstrap=50) == by_answers


def test_counts_of_different_notes_are_not_compared():
    rows = note_counts(GOLDS, [NOTHING] * 4)
    with pytest.raises(ValueError, match="as many"):
        compare_counts(rows, rows[:3])
