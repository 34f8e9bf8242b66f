"""Writes the page: a form, and above it the record of the note that was sent, with the words behind each item."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from extraction.evidence import ItemEvidence
from extraction.rules import MEANING
from extraction.schema import FIELDS, Field
from fine_tune_slm.errors import ServingError
from fine_tune_slm.serving.marks import Segment, segment_at, segments
from fine_tune_slm.serving.reader import LONGEST_NOTE_CHARACTERS, Reading

ASSETS = Path(__file__).with_name("assets")
_LONGEST_QUOTE_CHARACTERS = 80


@dataclass(frozen=True)
class Model:
    """What the page says of the model that reads."""

    run_id: str
    base_model: str
    is_on_this_machine_only: bool


@dataclass(frozen=True)
class ItemView:
    """One item of a value, and the words behind it as (quotation, number of its segment)."""

    item: str
    evidence: ItemEvidence
    quotes: tuple[tuple[str, int], ...]

    @property
    def meaning(self) -> str:
        """Return what the rule means to a reader."""
        return MEANING[self.evidence.rule] if self.evidence.rule else ""


@dataclass(frozen=True)
class FieldView:
    """One field of the record."""

    field: Field
    value: str | None
    items: tuple[ItemView, ...]


@dataclass(frozen=True)
class AnswerView:
    """A note and what was read in it."""

    fields: tuple[FieldView, ...]
    segments: tuple[Segment, ...]

    @property
    def ungrounded(self) -> int:
        """Return how many items the note does not support."""
        return sum(not item.evidence.is_grounded for field in self.fields for item in field.items)


def render_page(model: Model, note: str = "", reading: Reading | None = None, error: ServingError | None = None) -> str:
    """Return the page as HTML."""
    return _template().render(
        model=model,
        note=note,
        error=error,
        answer=answer_view(note, reading) if reading else None,
        longest=LONGEST_NOTE_CHARACTERS,
    )


def answer_view(note: str, reading: Reading) -> AnswerView:
    """Return a reading as the page shows it."""
    record, evidence = reading.answer.record, reading.answer.evidence
    cut = segments(note, evidence)
    views = (FieldView(field, record[field], tuple(_item(item, cut) for item in evidence[field])) for field in FIELDS)
    return AnswerView(tuple(views), tuple(cut))


def _item(evidence: ItemEvidence, cut: list[Segment]) -> ItemView:
    quotes = tuple((_quote(span.text), segment_at(cut, span.start)) for span in evidence.spans)
    return ItemView(evidence.item.replace("_", " "), evidence, quotes)


def _quote(words: str) -> str:
    """Return words on one line, short enough to stand in a list."""
    line = " ".join(words.split())
    return line if len(line) <= _LONGEST_QUOTE_CHARACTERS else f"{line[: _LONGEST_QUOTE_CHARACTERS - 3]}..."


@cache
def _template() -> Template:
    environment = Environment(loader=FileSystemLoader(ASSETS), autoescape=True, undefined=StrictUndefined)
    environment.filters["field_name"] = lambda field: field.replace("_", " ")
    return environment.get_template("page.html.j2")
