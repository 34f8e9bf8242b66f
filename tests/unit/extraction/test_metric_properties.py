"""Properties of the metric that hold for any labels, on values that the vocabulary knows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extraction.bootstrap import intervals
from extraction.canonical import canonical_items, comparable_items
from extraction.comparison import compare
from extraction.parser import parse_answer, record_of
from extraction.schema import FIELDS, ExtractionRecord
from extraction.scores import score
from extraction.vocabulary import vocabulary
from extraction.wording import cleaned_value, normalised

NOTE = "Synthetic note."
WRONG = {
    "metastasis_site": "navel",
    "treatment": "zorblaxumab",
    "gene_mutation": "QQQ9 mutation",
    "biomarker": "marker of no name",
}


def forms_of(field):
    entries = [entry for entry in vocabulary(field) if entry.kind != "gene"]
    if field == "biomarker":
        return [form for entry in entries for value in entry.values for form in (value.label, *value.synonyms)]
    return [form for entry in entries for form in entry.surface_forms]


def values_of(field):
    many = 1 if field in {"cancer_type", "stage", "response"} else 3
    return st.none() | st.lists(st.sampled_from(forms_of(field)), min_size=1, max_size=many).map("; ".join)


records = st.builds(ExtractionRecord, **{field: values_of(field) for field in FIELDS})
field_names = st.sampled_from(FIELDS)


@settings(max_examples=80, deadline=None)
@given(st.data(), field_names)
def test_normalising_a_value_first_changes_no_item(data, field):
    value = data.draw(values_of(field))
    assert canonical_items(field, normalised(value or "")) == canonical_items(field, value)


@settings(max_examples=80, deadline=None)
@given(st.text(max_size=80))
def test_normalising_twice_is_normalising_once(text):
    assert normalised(normalised(text)) == normalised(text)
    assert cleaned_value(cleaned_value(text)) == cleaned_value(text)


@pytest.mark.parametrize("field", FIELDS)
def test_the_label_of_an_item_reads_as_that_item_again(field):
    """The canonical form is stable: what an item is called by its own label is the item."""
    for entry in vocabulary(field):
        if entry.kind == "gene" or field == "biomarker" or entry.expands:
            continue
        items = canonical_items(field, entry.label)
        labels = [other.label for other in vocabulary(field) if other.code in items]
        assert all(canonical_items(field, label) == items for label in labels)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(sorted(WRONG)))
def test_a_wrong_item_more_never_raises_a_score(data, field):
    gold, answer = data.draw(records), data.draw(records)
    before = getattr(answer, field)
    worse = answer.model_copy(update={field: "; ".join(filter(None, (before, WRONG[field])))})
    pairs = [score([gold], [given.answer()], [NOTE], bootstrap=1) for given in (answer, worse)]
    assert pairs[1].micro_f1 <= pairs[0].micro_f1
    assert pairs[1].fields[field].f1 <= pairs[0].fields[field].f1


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(records, records), min_size=1, max_size=4))
def test_documents_without_any_label_add_nothing(pairs):
    empty = ExtractionRecord(**dict.fromkeys(FIELDS))
    golds, answers = [gold for gold, _ in pairs], [answer.answer() for _, answer in pairs]
    alone = score(golds, answers, [NOTE] * len(golds), bootstrap=1)
    padded = score([*golds, empty], [*answers, empty.answer()], [NOTE] * (len(golds) + 1), bootstrap=1)
    assert (padded.macro_f1, padded.micro_f1) == (alone.macro_f1, alone.micro_f1)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(records, records), min_size=1, max_size=4))
def test_an_answer_differs_from_itself_by_nothing_and_with_no_uncertainty(pairs):
    golds, answers = [gold for gold, _ in pairs], [answer.answer() for _, answer in pairs]
    same = compare(golds, answers, answers, bootstrap=20)
    for difference in (same.macro_f1, same.micro_f1, same.record_exact, *same.fields.values()):
        assert (difference.difference, difference.interval.low, difference.interval.high) == (0.0, 0.0, 0.0)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(min_value=0, max_value=9), min_size=8, max_size=40), st.integers(0, 99))
def test_the_interval_of_a_mean_holds_the_mean_of_the_sample(counts, seed):
    rows = [(count, 1) for count in counts]
    ((low, high),) = intervals(rows, lambda totals: [totals[0] / totals[1]], times=400, seed=seed)
    assert low <= sum(counts) / len(counts) <= high


@settings(max_examples=30, deadline=None)
@given(records, st.text(alphabet="abc \n", min_size=1, max_size=20).filter(str.strip))
def test_salvage_scores_the_record_and_counts_as_invalid(record, around):
    parsed = parse_answer(around + record.answer())
    assert parsed.record == record_of(record.model_dump())
    assert not parsed.is_valid


@settings(max_examples=60, deadline=None)
@given(records, st.data())
def test_an_answer_cut_off_anywhere_yields_no_other_value_than_it_had(record, data):
    whole = record.answer()
    cut = whole[: data.draw(st.integers(0, len(whole) - 1))]
    parsed = parse_answer(cut)
    assert not parsed.is_valid
    expected = record_of(record.model_dump())
    assert parsed.record is None or all(value in (None, expected[field]) for field, value in parsed.record.items())


@settings(max_examples=60, deadline=None)
@given(st.data(), field_names)
def test_two_values_agree_exactly_when_they_agree_the_other_way_round(data, field):
    left, right = data.draw(values_of(field)), data.draw(values_of(field))
    gold, answer = comparable_items(field, left, right)
    back_gold, back_answer = comparable_items(field, right, left)
    assert (gold == answer) == (back_answer == back_gold)
