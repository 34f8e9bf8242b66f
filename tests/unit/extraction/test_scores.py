"""The metric on small sets whose scores can be worked out by hand."""

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extraction.comparison import compare
from extraction.schema import FIELDS, ExtractionRecord
from extraction.scores import ScoreReport, score
from extraction.vocabulary import vocabulary

NOTE = "Synthetic. Cutaneous melanoma, stage IV, liver and lung metastases, BRAF V600E. Nivolumab: partial response."


def record(**values):
    return ExtractionRecord(**{**dict.fromkeys(FIELDS), **values})


GOLD = record(
    cancer_type="melanoma (cutaneous)",
    stage="IV",
    gene_mutation="BRAF V600E",
    treatment="nivolumab",
    response="partial response",
    metastasis_site="liver; lung",
)


def scored(*answers, gold=GOLD, note=NOTE):
    raw = [answer if isinstance(answer, str) else answer.answer() for answer in answers]
    return score([gold] * len(raw), raw, [note] * len(raw), bootstrap=20)


def changed(**values):
    return GOLD.model_copy(update=values)


def test_gold_against_itself_is_perfect():
    report = scored(GOLD, GOLD)
    assert report.macro_f1 == report.micro_f1 == report.record_exact == report.json_valid == report.macro_strict == 1.0
    assert report.macro_f1_interval.low == report.macro_f1_interval.high == 1.0
    assert report.ungrounded_rate == 0.0
    assert not any(report.mistakes.values())


def test_precision_recall_and_f1_are_counted_over_items():
    sites = scored(changed(metastasis_site="liver; bone; brain")).fields["metastasis_site"]
    assert sites.precision == pytest.approx(1 / 3)
    assert sites.recall == pytest.approx(1 / 2)
    assert sites.f1 == pytest.approx(2 / 5)
    assert sites.omission_rate == pytest.approx(1 / 2)
    assert sites.ungrounded_rate == pytest.approx(2 / 3)


def test_items_are_pooled_over_documents_before_dividing():
    sites = scored(changed(metastasis_site="liver"), changed(metastasis_site="liver; lung")).fields["metastasis_site"]
    assert sites.recall == pytest.approx(3 / 4)
    assert sites.f1 == pytest.approx(6 / 7)


def test_macro_f1_is_the_mean_over_the_seven_fields():
    report = scored(changed(stage="III"))
    assert report.macro_f1 == pytest.approx(6 / 7)
    assert report.micro_f1 == pytest.approx(6 / 7)
    assert report.record_exact == 0.0


def test_null_in_both_adds_nothing():
    with_biomarker = GOLD.model_copy(update={"biomarker": "MSS"})
    golds, answers = [GOLD, with_biomarker], [GOLD.answer(), with_biomarker.answer()]
    biomarker = score(golds, answers, [NOTE] * 2, bootstrap=20).fields["biomarker"]
    assert biomarker.f1 == 1.0
    assert (biomarker.nulls.both_null, biomarker.nulls.both_valued) == (1, 1)


def test_the_null_confusion_counts_documents():
    report = scored(changed(stage=None), changed(biomarker="MSS"))
    stage, biomarker = report.fields["stage"].nulls, report.fields["biomarker"].nulls
    assert (stage.omitted, stage.both_valued, stage.hallucinated) == (1, 1, 0)
    assert (biomarker.hallucinated, biomarker.both_null) == (1, 1)


def test_another_wording_is_exact_but_not_strict():
    melanoma = scored(changed(cancer_type="malignant melanoma of the skin")).fields["cancer_type"]
    assert (melanoma.exact, melanoma.strict, melanoma.f1) == (1.0, 0.0, 1.0)


def test_a_salvaged_answer_is_scored_but_counts_as_invalid():
    report = scored(f"Sure! {GOLD.answer()}")
    assert report.macro_f1 == 1.0
    assert report.json_valid == 0.0


def test_an_answer_in_prose_scores_nothing():
    report = scored("The patient has melanoma.")
    assert report.micro_f1 == report.record_exact == report.json_valid == 0.0


def test_the_interval_holds_the_score_and_narrows_with_more_documents():
    half_right = [GOLD, changed(stage="III")]
    few, many = scored(*half_right * 5), scored(*half_right * 50)
    for report in (few, many):
        assert report.macro_f1_interval.low <= report.macro_f1 <= report.macro_f1_interval.high
    assert width(many.macro_f1_interval) < width(few.macro_f1_interval)


def width(interval):
    return interval.high - interval.low


def test_the_report_survives_json_and_holds_no_text_of_the_note():
    report = scored(changed(treatment="an unheard-of drug"))
    text = report.model_dump_json()
    assert ScoreReport.model_validate_json(text) == report
    assert json.loads(text)["fields"]["stage"]["f1"] == 1.0
    assert "unheard" not in text
    assert "elanoma" not in text


def test_the_same_seed_gives_the_same_report():
    assert scored(GOLD, changed(stage="III")) == scored(GOLD, changed(stage="III"))


@pytest.mark.parametrize("sizes", [(0, 0, 0), (2, 1, 2), (1, 1, 2)])
def test_lists_of_unequal_length_are_refused(sizes):
    golds, answers, notes = sizes
    with pytest.raises(ValueError, match="as many"):
        score([GOLD] * golds, [GOLD.answer()] * answers, [NOTE] * notes)


def test_a_comparison_is_paired_and_changes_sign_with_its_sides():
    golds = [GOLD] * 30
    good = [GOLD.answer()] * 30
    worse = [changed(stage="III").answer()] * 20 + good[20:]
    better = compare(golds, good, worse, bootstrap=200)
    assert better.macro_f1.difference == pytest.approx((20 / 30) / 7)
    assert 0 < better.macro_f1.interval.low < better.macro_f1.difference < better.macro_f1.interval.high
    assert better.fields["stage"].difference == pytest.approx(2 / 3)
    assert better.fields["treatment"].interval.high == 0.0
    assert compare(golds, worse, good, bootstrap=200).macro_f1.difference == -better.macro_f1.difference


def test_answers_compared_with_themselves_do_not_differ():
    answers = [GOLD.answer(), changed(stage="III").answer()]
    same = compare([GOLD] * 2, answers, answers, bootstrap=50)
    assert (same.macro_f1.difference, same.macro_f1.interval.low, same.macro_f1.interval.high) == (0.0, 0.0, 0.0)


def labels_of(field):
    entries = [entry for entry in vocabulary(field) if entry.kind != "gene"]
    labels = [v.label for e in entries for v in e.values] if field == "biomarker" else [e.label for e in entries]
    return st.none() | st.lists(st.sampled_from(labels), min_size=1, max_size=3).map("; ".join)


records = st.builds(ExtractionRecord, **{field: labels_of(field) for field in FIELDS})


@settings(max_examples=20, deadline=None)
@given(st.lists(records, min_size=1, max_size=4))
def test_any_gold_against_itself_scores_one(golds):
    report = score(golds, [gold.answer() for gold in golds], [NOTE] * len(golds), bootstrap=2)
    assert report.macro_f1 == report.micro_f1 == report.record_exact == report.json_valid == 1.0
    assert not any(report.mistakes.values())


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(records, records), min_size=2, max_size=5), st.randoms())
def test_the_order_of_documents_does_not_change_a_score(pairs, shuffle):
    shuffled = list(pairs)
    shuffle.shuffle(shuffled)
    first, second = (
        score([g for g, _ in rows], [a.answer() for _, a in rows], [NOTE] * len(rows), bootstrap=2)
        for rows in (pairs, shuffled)
    )
    assert first.macro_f1 == pytest.approx(second.macro_f1)
    assert first.mistakes == second.mistakes


@settings(max_examples=15, deadline=None)
@given(records, records)
def test_micro_f1_does_not_depend_on_which_side_is_gold(left, right):
    forth = score([left], [right.answer()], [NOTE], bootstrap=2)
    back = score([right], [left.answer()], [NOTE], bootstrap=2)
    assert forth.micro_f1 == pytest.approx(back.micro_f1)
    assert forth.macro_f1 == pytest.approx(back.macro_f1)


def test_a_thousand_resamples_of_500_documents_take_less_than_five_seconds():
    golds, answers = [GOLD] * 500, [changed(stage="III").answer()] * 500
    start = time.process_time()
    score(golds, answers, [NOTE] * 500)
    assert time.process_time() - start < 5
