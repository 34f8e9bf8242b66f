"""The kind of each mistake, on a synthetic note."""

import pytest

from extraction.mistakes import Mistake, MistakeKind, mistakes_of
from extraction.parser import parse_answer
from extraction.schema import FIELDS, ExtractionRecord

NOTE = """Synthetic. Lung adenocarcinoma, stage IIIB in 2019, now stage IV with liver and bone metastases. EGFR L858R;
ALK was negative. PD-L1 60 %. Declined docetaxel; osimertinib with partial response, then progression.
SRS to one lesion."""
GOLD = ExtractionRecord(
    cancer_type="lung adenocarcinoma",
    stage="IV",
    gene_mutation="EGFR L858R",
    biomarker="PD-L1 60%",
    treatment="osimertinib; stereotactic radiosurgery",
    response=None,
    metastasis_site="liver; bone",
)


def kinds(gold=GOLD, **changes):
    answer = parse_answer(gold.model_copy(update=changes).answer())
    return [mistake.kind for mistake in mistakes_of(gold, answer, NOTE)]


def test_a_right_answer_has_no_mistakes():
    assert kinds() == []


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"response": "partial response"}, MistakeKind.NULL_HALLUCINATION),
        ({"stage": None}, MistakeKind.OMISSION),
        ({"metastasis_site": "liver"}, MistakeKind.OMISSION),
        ({"treatment": "osimertinib; stereotactic radiosurgery; docetaxel"}, MistakeKind.DISTRACTOR_LEAK),
        ({"gene_mutation": "EGFR L858R; ALK fusion"}, MistakeKind.DISTRACTOR_LEAK),
        ({"cancer_type": "non-small cell lung cancer"}, MistakeKind.GRANULARITY),
        ({"stage": "IVA"}, MistakeKind.GRANULARITY),
        ({"gene_mutation": "EGFR mutation"}, MistakeKind.GRANULARITY),
        ({"biomarker": "PD-L1 positive"}, MistakeKind.GRANULARITY),
        ({"treatment": "osimertinib; radiation therapy"}, MistakeKind.GRANULARITY),
        ({"stage": "IIIB"}, MistakeKind.TEMPORAL),
        ({"stage": "II"}, MistakeKind.VALUE),
        ({"gene_mutation": "EGFR T790M"}, MistakeKind.VALUE),
        ({"biomarker": "PD-L1 16%"}, MistakeKind.VALUE),
        ({"cancer_type": "melanoma (cutaneous)"}, MistakeKind.VALUE),
        ({"treatment": "osimertinib; stereotactic radiosurgery; imatinib"}, MistakeKind.VALUE),
    ],
)
def test_each_kind_of_mistake_is_told(changes, kind):
    assert kinds(**changes) == [kind]


def test_an_earlier_response_of_the_note_is_temporal():
    gold = GOLD.model_copy(update={"response": "progression"})
    assert kinds(gold, response="partial response") == [MistakeKind.TEMPORAL]
    assert kinds(gold, response="biochemical recurrence") == [MistakeKind.VALUE]


def test_words_cut_too_short_are_a_boundary():
    gold = GOLD.model_copy(update={"treatment": "trial agent BX-77 infusion"})
    assert kinds(gold, treatment="agent BX-77") == [MistakeKind.BOUNDARY]


def test_an_item_under_another_field_is_one_mistake_not_two():
    assert kinds(biomarker=None, gene_mutation="EGFR L858R; PD-L1 60%") == [MistakeKind.WRONG_FIELD]


def test_an_unreadable_answer_is_one_format_mistake():
    assert mistakes_of(GOLD, parse_answer("No idea."), NOTE) == [Mistake(MistakeKind.FORMAT)]


def test_a_salvaged_answer_has_its_other_mistakes_too():
    raw = "Answer: " + GOLD.model_copy(update={"stage": None}).answer()
    assert [m.kind for m in mistakes_of(GOLD, parse_answer(raw), NOTE)] == [MistakeKind.FORMAT, MistakeKind.OMISSION]


def test_every_wrong_item_is_explained_once():
    empty = parse_answer(ExtractionRecord(**dict.fromkeys(FIELDS)).answer())
    found = mistakes_of(GOLD, empty, NOTE)
    assert [mistake.kind for mistake in found] == [MistakeKind.OMISSION] * 8
    assert len({(mistake.field, mistake.missing) for mistake in found}) == 8
