"""The label function: from the tagged spans of a note to its seven fields, and to nothing else.

A tag is `field|label|order|rule`. Because labels are read off the spans, null means exactly that nothing was rendered.
Tags that start with `!` mark distractors and never reach a label.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from extraction.schema import ExtractionRecord

METASTATIC_IS_IV = "metastatic-is-IV"
PROGRESSION = "progression"


@dataclass(frozen=True)
class Tag:
    """What a span stands for: one label item, its place in its field and the rule when it is inferred."""

    field: str
    label: str
    order: float = 0.0
    rule: str = ""

    def __str__(self) -> str:
        """Return the tag as pieces carry it."""
        return f"{self.field}|{self.label}|{self.order:g}|{self.rule}"

    @classmethod
    def parse(cls, text: str) -> Tag:
        """Return the tag that a piece carries."""
        field, label, order, rule = text.split("|")
        return cls(field, label, float(order), rule)


def distractor(kind: str, text: str) -> str:
    """Return the tag of a distractor of this kind."""
    return f"!{kind}|{text}"


def record(tags: Iterable[str]) -> ExtractionRecord:
    """Return the labels of a note that carries these tags."""
    items = [Tag.parse(tag) for tag in tags if not tag.startswith("!")]
    return ExtractionRecord(
        cancer_type=_joined(items, "cancer_type"),
        stage=_stage(items),
        gene_mutation=_joined(items, "gene_mutation"),
        biomarker=_joined(items, "biomarker"),
        treatment=_joined(items, "treatment"),
        response=_response(items),
        metastasis_site=_joined(items, "metastasis_site"),
    )


def _joined(items: list[Tag], field: str) -> str | None:
    mine = sorted((item for item in items if item.field == field), key=lambda item: item.order)
    return "; ".join(dict.fromkeys(item.label for item in mine)) or None


def _stage(items: list[Tag]) -> str | None:
    stated = [item.label for item in items if item.field == "stage" and not item.rule]
    if stated:
        return stated[0]
    spread = any(item.field in {"metastasis_site", "stage"} for item in items)
    return "IV" if spread else None


def _response(items: list[Tag]) -> str | None:
    """Return the last state; a progression keeps the response that the same line had before it."""
    states = sorted((item for item in items if item.field == "response"), key=lambda item: item.order)
    if not states:
        return None
    last = states[-1]
    earlier = [item for item in states if int(item.order) == int(last.order) and item.label != last.label]
    if last.label == PROGRESSION and earlier:
        return f"{earlier[-1].label} then {PROGRESSION}"
    return last.label
