"""What a field's value says, as a set of canonical items: the unit in which answers are compared.

Two values agree when their sets are equal, however they are worded. One module per field; what is a matter of
vocabulary lies in `extraction/vocabulary/*.yml`, what is a rule (HGVS, numerals, numbers with units) lies here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from extraction.canonical.alteration import alteration_items
from extraction.canonical.biomarker import biomarker_items
from extraction.canonical.cancer import cancer_items
from extraction.canonical.response import response_items
from extraction.canonical.site import site_items
from extraction.canonical.stage import stage_items
from extraction.canonical.treatment import reconciled_surgery, treatment_items
from extraction.schema import Field
from extraction.wording import cleaned_value

Items = frozenset[str]

_ITEMS_OF: dict[Field, Callable[[str], Items]] = {
    "cancer_type": cancer_items,
    "stage": stage_items,
    "gene_mutation": alteration_items,
    "biomarker": biomarker_items,
    "treatment": treatment_items,
    "response": response_items,
    "metastasis_site": site_items,
}


@lru_cache(maxsize=65536)
def canonical_items(field: Field, value: str | None) -> Items:
    """Return the canonical items of one field's value; the empty set when it says nothing.

    A value that no rule and no vocabulary entry explains is an item of its own: its normalised text.
    """
    text = cleaned_value(value)
    return _ITEMS_OF[field](text) if text else frozenset()


def comparable_items(field: Field, gold: str | None, answer: str | None) -> tuple[Items, Items]:
    """Return the items of two values of one field, after agreements that need both sides.

    A bare "surgery" on one side agrees with the operations that the other side names.
    """
    gold_items, answer_items = canonical_items(field, gold), canonical_items(field, answer)
    if field == "treatment":
        return reconciled_surgery(gold_items, answer_items)
    return gold_items, answer_items
