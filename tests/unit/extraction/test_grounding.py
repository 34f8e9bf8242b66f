"""Whether a (synthetic) note supports an item, and by which rule."""

import pytest

from extraction.grounding import is_grounded, support
from extraction.schema import FIELDS
from extraction.vocabulary import vocabulary

NOTE = """Synthetic note. 61-year-old woman, invasive ductal carcinoma of the left breast, pT2 N1 M0, grade 3. ER 90 %,
HER2 3+. Neoadjuvant TCHP, then lumpectomy: no residual invasive carcinoma. Germline BRCA2 c.5946delT.
NYHA class III. Two years later osseous and hepatic metastases; PD-L1 (22C3) 15 %, CA 15-3 1,240. EGFR: p.Leu858Arg
not found. Weekly FOLFOX was considered. Liver lesions shrank by 40 % while new bone lesions appeared."""

SUPPORTED = [
    ("cancer_type", "breast", "surface form"),
    ("stage", "IV", "metastatic disease is stage IV"),
    ("stage", "IIB", "stage group from TNM"),
    ("gene_mutation", "BRCA2 6174delT", "surface form"),
    ("gene_mutation", "BRCA2 mutation", "gene named"),
    ("gene_mutation", "EGFR L858R", "surface form"),
    ("biomarker", "HER2 positive", "marker named"),
    ("biomarker", "PD-L1 15%", "number"),
    ("biomarker", "CA15-3 1240", "number"),
    ("treatment", "pertuzumab", "acronym written out"),
    ("treatment", "oxaliplatin", "component of a regimen"),
    ("treatment", "surgery", "category of a named operation"),
    ("treatment", "chemotherapy", "category of a named drug"),
    ("treatment", "lumpectomy", "surface form"),
    ("response", "pathologic_complete_response", "surface form"),
    ("response", "mixed_response", "inference"),
    ("metastasis_site", "bone", "surface form"),
    ("metastasis_site", "liver", "surface form"),
]
INVENTED = [
    ("cancer_type", "melanoma"),
    ("gene_mutation", "BRCA1 mutation"),
    ("gene_mutation", "EGFR T790M"),
    ("gene_mutation", "ALK fusion"),
    ("biomarker", "PD-L1 5%"),
    ("biomarker", "CA15-3 124"),
    ("biomarker", "CA-125 1240"),
    ("biomarker", "MSI high"),
    ("treatment", "osimertinib"),
    ("treatment", "immunotherapy"),
    ("treatment", "irinotecan"),
    ("response", "biochemical_recurrence"),
    ("metastasis_site", "brain"),
    ("metastasis_site", "an unheard-of organ"),
]


@pytest.mark.parametrize(("field", "item", "rule"), SUPPORTED)
def test_what_the_note_says_is_grounded_by_a_named_rule(field, item, rule):
    assert support(field, item, NOTE) == rule


@pytest.mark.parametrize(("field", "item"), INVENTED)
def test_what_the_note_does_not_say_is_not_grounded(field, item):
    assert not is_grounded(field, item, NOTE)


def test_a_numeral_that_counts_something_else_is_no_stage():
    note = "NYHA class III heart failure, type II diabetes, phase I trial, grade 3 tumour."
    assert not any(is_grounded("stage", stage, note) for stage in ("I", "II", "III", "IIIA"))
    assert is_grounded("stage", "IIIA", "Staged as stage 3A in May.")
    assert is_grounded("stage", "IV", "CRC IV with liver mets")


@pytest.mark.parametrize("field", [field for field in FIELDS if field not in {"stage", "biomarker"}])
def test_every_surface_form_supports_its_own_item(field):
    table = vocabulary(field)
    unsupported = [
        form
        for entry in table
        if entry.kind not in {"gene", "expanded"}
        for form in entry.surface_forms
        if not is_grounded(field, entry.item, f"Synthetic. {form} was noted.")
    ]
    assert unsupported == []


def test_a_value_in_the_words_of_the_note_is_grounded_even_if_unknown():
    assert support("treatment", "zorblaxumab", "She started Zorblaxumab in May.") == "verbatim"
