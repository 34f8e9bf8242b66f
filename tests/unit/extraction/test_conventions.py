"""Labels against the conventions: each rule finds what it is for and leaves the right spelling alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from extraction.conventions import breaches
from extraction.schema import FIELDS, ExtractionRecord, Field

COMMITTED = Path(__file__).parents[3] / "synthetic-instruction-tuning-dataset" / "challenge.jsonl"


def told(field: Field, value: str) -> list[str]:
    """Return what is said of a record with one value."""
    record = ExtractionRecord.model_validate(dict.fromkeys(FIELDS) | {field: value})
    return [breach for name, breach in breaches(record) if name == field]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("cancer_type", "not reported", "null"),
        ("stage", "Stage IIIA", "without the word"),
        ("stage", "4", "roman"),
        ("stage", "grade 3", "grade"),
        ("stage", "locally advanced", "stage group"),
        ("gene_mutation", "EGFR wild-type", "without an alteration"),
        ("gene_mutation", "EGFR L858R; ALK pending", "without a result"),
        ("gene_mutation", "EGFR p.Leu858Arg", "without p."),
        ("gene_mutation", "KRAS G12C; KRAS G12C", "twice"),
        ("gene_mutation", "KRAS G12C;STK11 mutation", "separated"),
        ("biomarker", "PD-L1 TPS 10%", "number alone"),
        ("biomarker", "PD-L1 ~10%", "without ~"),
        ("biomarker", "dMMR", "MSI-H"),
        ("biomarker", "pMMR", "MSS"),
        ("biomarker", "Gleason 4+3", "grade"),
        ("biomarker", "ER-positive; HER2-negative", "order"),
        ("treatment", "Keytruda", "generic"),
        ("treatment", "carboplatin and Keytruda", "generic"),
        ("treatment", "osimertinib 80 mg", "doses"),
        ("treatment", "six cycles of docetaxel", "cycles"),
        ("treatment", "docetaxel 2021", "dates"),
        ("treatment", "mastectomy; sentinel lymph node biopsy", "sentinel"),
        ("treatment", "declined chemotherapy", "not given"),
        ("response", "PR", "nine states"),
        ("response", "partial response, then progression", "nine states"),
        ("metastasis_site", "omentum", "peritoneum"),
        ("metastasis_site", "cerebellum", "brain"),
        ("metastasis_site", "thoracic spine", "bone"),
        ("metastasis_site", "regional lymph nodes", "regional"),
    ],
)
def test_a_breach_is_told(field: Field, value: str, said: str) -> None:
    assert any(said in breach for breach in told(field, value))


def test_a_breach_never_quotes_the_label() -> None:
    assert told("response", "Jane Roe is better")
    assert not any("Jane" in breach for breach in told("response", "Jane Roe is better"))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stage", "IIIA"),
        ("stage", "limited stage"),
        ("gene_mutation", "EGFR L858R; EGFR T790M"),
        ("gene_mutation", "BRCA1 c.68_69delAG"),
        ("biomarker", "HER2-negative; ER-positive; PR-negative; PD-L1 10%; MSS; TMB-low; HRD-negative; CEA 412"),
        ("treatment", "neoadjuvant FOLFOX; carboplatin and pembrolizumab"),
        ("response", "partial response then progression"),
        ("metastasis_site", "brain; distant lymph nodes"),
    ],
)
def test_the_right_spelling_is_left_alone(field: Field, value: str) -> None:
    assert told(field, value) == []


def test_labels_of_the_committed_challenge_set_keep_the_conventions() -> None:
    records = [json.loads(line)["output"] for line in COMMITTED.read_text(encoding="utf-8").splitlines()]
    assert [found for record in records for found in breaches(ExtractionRecord.model_validate(record))] == []
