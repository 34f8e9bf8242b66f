"""The rules by which a note supports an item, by the names under which evidence gives them."""

from __future__ import annotations

from enum import StrEnum


class Rule(StrEnum):
    """Named from the metric's point of view; `MEANING` says what each means to a reader."""

    SURFACE_FORM = "surface form"
    WORDING = "wording"
    INFERENCE = "inference"
    VERBATIM = "verbatim"
    ORGAN_AND_HISTOLOGY = "organ and histology"
    STATED_STAGE = "stated stage"
    METASTATIC = "metastatic disease is stage IV"
    TNM_GROUP = "stage group from TNM"
    TNM = "TNM"
    GENE_NAMED = "gene named"
    GENE_AND_ALTERATION = "gene and alteration near each other"
    MARKER_NAMED = "marker named"
    MARKER_AND_VALUE = "marker and value"
    """Only evidence tells it from the name alone; the metric asks for no more than the name."""
    NUMBER = "number"
    COMPONENT = "component of a regimen"
    REGIMEN_OF_DRUGS = "regimen named by its drugs"
    ACRONYM = "acronym written out"
    OPERATION_CATEGORY = "category of a named operation"
    DRUG_CATEGORY = "category of a named drug"


MEANING = {
    Rule.SURFACE_FORM: "a name of the item",
    Rule.WORDING: "words known for the item",
    Rule.INFERENCE: "the item is not named; it follows from these words",
    Rule.VERBATIM: "the answer's own words, which the vocabulary does not know",
    Rule.ORGAN_AND_HISTOLOGY: "an organ, and a word for cancer",
    Rule.STATED_STAGE: "the stage is written there",
    Rule.METASTATIC: "no stage is written; distant metastases mean IV",
    Rule.TNM_GROUP: "there is a TNM; whether it makes this stage is not computed",
    Rule.TNM: "the same TNM",
    Rule.GENE_NAMED: "the gene is named; whether it is altered is not checked",
    Rule.GENE_AND_ALTERATION: "the gene, and the alteration near it",
    Rule.MARKER_NAMED: "the marker is named; its value was not found beside it",
    Rule.MARKER_AND_VALUE: "the marker, and words for this value",
    Rule.NUMBER: "the marker, and this number in the note",
    Rule.COMPONENT: "the regimen contains it",
    Rule.REGIMEN_OF_DRUGS: "all its drugs are named",
    Rule.ACRONYM: "the acronym contains it",
    Rule.OPERATION_CATEGORY: "an operation is named",
    Rule.DRUG_CATEGORY: "a drug of this kind is named",
}
