"""The three baselines on a handful of notes: what each can and cannot know, and the score that judges them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from extraction.schema import FIELDS, DatasetRecord, ExtractionRecord
from extraction.scores import score
from scripts.dataset_hardness.__main__ import as_json, table
from scripts.dataset_hardness.linear import linear
from scripts.dataset_hardness.measure import Items, Labelled, items_of, judge, read
from scripts.dataset_hardness.nearest import nearest_neighbour
from scripts.dataset_hardness.rules import rules


def _record(**values: str) -> ExtractionRecord:
    return ExtractionRecord(**{field: values.get(field) for field in FIELDS})


def _labelled(note: str, **values: str) -> Labelled:
    return Labelled(note, items_of(_record(**values)))


BREAST = _labelled("Breast cancer, on letrozole. Bone metastases.", cancer_type="breast cancer", treatment="letrozole")
COLON = _labelled("Colon adenocarcinoma treated with FOLFOX.", cancer_type="colon adenocarcinoma", treatment="FOLFOX")


def _rules_on(note: str) -> Items:
    return rules([], [note])[0]


def test_the_nearest_neighbour_answers_with_the_labels_of_the_most_similar_note() -> None:
    answers = nearest_neighbour([BREAST, COLON], ["She has breast cancer, on letrozole.", "FOLFOX for the colon."])
    assert answers == [BREAST.items, COLON.items]


def test_the_linear_baseline_learns_which_words_go_with_which_item() -> None:
    train = [BREAST, COLON] * 8
    answers = linear(train, ["Breast cancer on letrozole.", "Colon adenocarcinoma, FOLFOX."])
    assert [answer["treatment"] for answer in answers] == [BREAST.items["treatment"], COLON.items["treatment"]]
    assert [answer["cancer_type"] for answer in answers] == [BREAST.items["cancer_type"], COLON.items["cancer_type"]]


def test_the_linear_baseline_says_nothing_in_a_field_that_no_training_note_has() -> None:
    assert linear([BREAST, COLON] * 8, ["Breast cancer."])[0]["response"] == frozenset()


@pytest.mark.parametrize(
    ("note", "values"),
    [
        ("Stage IIIA lung adenocarcinoma.", {"cancer_type": "lung adenocarcinoma", "stage": "IIIA"}),
        ("KRAS G12D was found; EGFR was wild-type.", {"gene_mutation": "KRAS G12D"}),
        ("He started osimertinib. Pembrolizumab was considered.", {"treatment": "osimertinib"}),
        ("Her mother had breast cancer treated with tamoxifen.", {}),
        ("Brain metastases were ruled out.", {}),
    ],
)
def test_the_rules_read_what_is_stated_and_pass_over_the_rest(note: str, values: dict[str, str]) -> None:
    wanted = items_of(_record(**values))
    found = _rules_on(note)
    for field in ("gene_mutation", "treatment", "metastasis_site", "stage"):
        assert found[field] == wanted[field], field


def test_the_rules_infer_stage_four_from_spread() -> None:
    found = _rules_on("Colon cancer with liver metastases.")
    assert (found["stage"], found["metastasis_site"]) == ({"IV"}, {"liver"})


def test_the_rules_keep_the_last_response() -> None:
    assert _rules_on("Partial response in March.\nNow progression.")["response"] == {"progression"}


def test_the_score_of_item_sets_is_the_macro_f1_of_the_metric() -> None:
    golds = [_record(cancer_type="glioma", treatment="FOLFOX; cetuximab"), _record(stage="IIA", response="progression")]
    answers = [
        _record(cancer_type="glioma", treatment="FOLFOX; nivolumab"),
        _record(stage="I", metastasis_site="lung"),
    ]
    verdict = judge("any", 0.5, [items_of(gold) for gold in golds], [items_of(answer) for answer in answers])
    report = score(golds, [answer.answer() for answer in answers], ["", ""], bootstrap=1)
    assert verdict.macro_f1 == pytest.approx(report.macro_f1)
    assert verdict.records_exact == report.record_exact == 0.0


def test_a_baseline_at_its_bound_passes_and_one_above_it_does_not() -> None:
    assert judge("any", 1.0, [BREAST.items], [BREAST.items]).passes
    assert not judge("any", 0.99, [BREAST.items], [BREAST.items]).passes


def test_fewer_answers_than_notes_are_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        judge("any", 0.5, [BREAST.items, COLON.items], [BREAST.items])


def test_a_file_of_records_is_read_with_its_canonical_items(tmp_path: Path) -> None:
    record = DatasetRecord(input="A note.", output=_record(stage="4"))
    (tmp_path / "train.jsonl").write_text(record.json_line() + "\n", encoding="utf-8")
    assert read(tmp_path / "train.jsonl")[0].items["stage"] == {"IV"}


def test_table_and_json_tell_the_same_verdict() -> None:
    verdict = judge("rules", 0.88, [BREAST.items], [COLON.items])
    assert "rules" in table([verdict])
    assert "pass" in table([verdict])
    assert json.loads(as_json([verdict]))[0]["passes"] is True
