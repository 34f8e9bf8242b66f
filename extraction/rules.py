"""The rules by which a note supports an item, by the names under which evidence gives them."""

from __future__ import annotations

from enum import StrEnum


class Rule(StrEnum):
    """Named from the metric's point of view; docs/extract.md says what each means to a reader."""

    SURFACE_FORM = "surface form"
    """A name that the vocabulary knows for the item."""
    WORDING = "wording"
    """Words that a pattern of the vocabulary knows for the item."""
    INFERENCE = "inference"
    """Words from which the item follows without being named."""
    VERBATIM = "verbatim"
    """The answer's own words, of which the vocabulary knows nothing."""
    ORGAN_AND_HISTOLOGY = "organ and histology"
    """An organ, and a word for cancer."""
    STATED_STAGE = "stated stage"
    METASTATIC = "metastatic disease is stage IV"
    TNM_GROUP = "stage group from TNM"
    """The note has a TNM classification; whether its group is the answer's is not computed."""
    TNM = "TNM"
    """The very TNM classification."""
    GENE_NAMED = "gene named"
    """The gene's name; for an unspecified mutation the metric asks for no more."""
    GENE_AND_ALTERATION = "gene and alteration near each other"
    MARKER_NAMED = "marker named"
    """The marker's name; the metric asks for no more where the value is a word."""
    MARKER_AND_VALUE = "marker and value"
    """The marker's name with words that the metric reads as the value; only evidence tells it from the name alone."""
    NUMBER = "number"
    """The marker's name, and its number somewhere in the note."""
    COMPONENT = "component of a regimen"
    REGIMEN_OF_DRUGS = "regimen named by its drugs"
    ACRONYM = "acronym written out"
    OPERATION_CATEGORY = "category of a named operation"
    DRUG_CATEGORY = "category of a named drug"
