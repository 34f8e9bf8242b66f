"""Every row of the table of label conventions, as the metric reads it: the label agrees with what the row describes."""

import pytest

from casebook.labels import METASTATIC_IS_IV, Tag, record
from casebook.treatments import treatment
from extraction.canonical import canonical_items, comparable_items

AGREE = [
    ("explicit stage", "stage", "IIIB", "AJCC stage IIIB"),
    ("metastatic without a stage", "stage", "IV", "metastatic"),
    ("earlier stage, now metastatic", "stage", "IV", "stage II, now metastatic"),
    ("untested or negative gene", "gene_mutation", "KRAS G12D", "KRAS G12D; NRAS wild-type; BRAF not tested"),
    ("co-mutations", "gene_mutation", "EGFR L858R; EGFR T790M", "EGFR L858R/T790M"),
    ("germline BRCA", "gene_mutation", "BRCA2 pathogenic variant", "germline BRCA2 mutation"),
    ("amplification of a gene", "gene_mutation", "MET amplification", "amplified MET"),
    ("HER2 by ISH", "biomarker", "HER2 amplification", "HER2 FISH positive"),
    ("HER2 by IHC", "biomarker", "HER2 3+", "HER2 IHC 3+"),
    ("PD-L1 without assay", "biomarker", "PD-L1 10%", "PD-L1 (22C3) TPS ~10%"),
    ("deficient mismatch repair", "biomarker", "MSI-H", "dMMR"),
    ("proficient mismatch repair", "biomarker", "MSS", "pMMR"),
    ("markers in serum", "biomarker", "CA-125 450; CA19-9 elevated", "CA-125 450 U/mL; raised CA 19-9"),
    ("dose, cycles, dates", "treatment", "cisplatin", "cisplatin 75 mg/m2 x 4 cycles"),
    ("intent", "treatment", "neoadjuvant FOLFIRINOX", "FOLFIRINOX"),
    ("committed plans", "treatment", "adjuvant capecitabine", "planned adjuvant capecitabine"),
    ("declined", "treatment", "osimertinib", "osimertinib; declined chemotherapy"),
    ("earlier lines", "treatment", "carboplatin; docetaxel", "prior carboplatin; docetaxel"),
    ("sentinel node biopsy", "treatment", "lumpectomy", "lumpectomy; sentinel node biopsy"),
    ("brand names", "treatment", "pembrolizumab", "Keytruda"),
    ("expanded acronyms", "treatment", "docetaxel, carboplatin, trastuzumab and pertuzumab", "TCHP"),
    ("one regimen or two lines", "treatment", "nivolumab and ipilimumab", "nivolumab; ipilimumab"),
    ("shrinkage of 30 % or more", "response", "partial response", "40% reduction"),
    ("change below 20 %", "response", "stable disease", "10% decrease"),
    ("growth of 20 % or more", "response", "progression", "25% increase"),
    ("nothing detectable after resection", "response", "no evidence of disease", "NED"),
    ("response, then progression", "response", "partial response then progression", "PR, then PD"),
    ("organ level", "metastasis_site", "peritoneum; brain; bone", "omentum, cerebellum and L3 vertebra"),
    ("several sites", "metastasis_site", "liver; lung", "lung and liver"),
]
DISAGREE = [
    ("locally advanced is no stage", "stage", "III", "locally advanced"),
    ("a grade is no stage", "stage", "III", "grade 3"),
    ("negative results are kept", "biomarker", "HER2-negative", None),
    ("a stable result is kept", "biomarker", "MSS", None),
    ("regional nodes are no site", "metastasis_site", "distant lymph nodes", "regional lymph nodes"),
    ("a named operation is listed", "treatment", "lobectomy", None),
]


@pytest.mark.parametrize(("row", "field", "label", "said"), AGREE, ids=[row[0] for row in AGREE])
def test_the_label_of_a_convention_agrees_with_what_it_describes(row, field, label, said):
    gold, answer = comparable_items(field, label, said)
    assert gold == answer != frozenset(), row


@pytest.mark.parametrize(("row", "field", "label", "said"), DISAGREE, ids=[row[0] for row in DISAGREE])
def test_what_a_convention_keeps_apart_disagrees(row, field, label, said):
    gold, answer = comparable_items(field, label, said)
    assert gold != answer, row


def test_the_label_function_keeps_the_conventions_that_it_decides():
    spread = str(Tag("stage", "IV", 0, METASTATIC_IS_IV))
    assert record([spread]).stage == "IV"
    assert record([spread, str(Tag("stage", "IVA"))]).stage == "IVA"
    lines = [str(Tag("treatment", "docetaxel", 2)), str(Tag("treatment", "prior FOLFOX", 1))]
    assert record(lines).treatment == "prior FOLFOX; docetaxel"
    states = [str(Tag("response", "partial response", 1)), str(Tag("response", "progression", 1.5))]
    assert record(states).response == "partial response then progression"
    sites = [str(Tag("metastasis_site", "liver", 0)), str(Tag("metastasis_site", "lung", 1))]
    assert (record(sites).metastasis_site, record(sites).stage) == ("liver; lung", "IV")
    assert record([str(Tag("treatment", "surgery"))]).biomarker is None


def test_acronyms_are_kept_or_written_out():
    assert treatment("FOLFOX").label == "FOLFOX"
    assert treatment("TCHP").label == "docetaxel, carboplatin, trastuzumab and pertuzumab"


@pytest.mark.parametrize("nothing", ["KRAS wild-type", "ALK negative", "EGFR pending", "BRCA1 not tested", "ROS1-"])
def test_genes_without_a_finding_are_no_items(nothing):
    assert canonical_items("gene_mutation", nothing) == frozenset()
