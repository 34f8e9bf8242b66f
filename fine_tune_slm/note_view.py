"""Shows a generated note as a reviewer needs it: what each label rests on, and what was put there to mislead.

With colours each field has its own; without them the spans stand in brackets with the field's name.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from rich.console import Console
from rich.text import Text

from casebook.generate import provenance_of
from casebook.labels import Tag
from casebook.layout import Span
from casebook.note import Note
from extraction.schema import FIELDS

STYLES = {
    "cancer_type": "bold black on bright_cyan",
    "stage": "bold black on bright_yellow",
    "gene_mutation": "bold black on bright_magenta",
    "biomarker": "bold black on bright_green",
    "treatment": "bold white on blue",
    "response": "bold black on orange1",
    "metastasis_site": "bold white on dark_red",
}
DISTRACTOR = "distractor"
_DISTRACTOR_STYLE = "italic strike dim"


def show_note(note: Note, split: str, console: Console) -> None:
    """Print a note with its spans marked, and its labels with the rule of each inferred item."""
    kinds = ", ".join(dict.fromkeys(kind.replace("_", " ") for kind in note.distractors)) or "none"
    console.rule(f"case {note.case.number} · {note.case.entity.label} · {note.genre} · {split}")
    console.print(marked(note, has_colour=console.color_system is not None), soft_wrap=True)
    console.print()
    for field in FIELDS:
        value = getattr(note.record.output, field)
        rules = sorted({tag.rule for tag in _tags(note) if tag.field == field and tag.rule})
        line = Text(f"{field:<16} ", style="dim").append(value or "null", style=STYLES[field] if value else "dim")
        console.print(line.append(f"   inferred: {', '.join(rules)}" if rules else "", style="dim"), soft_wrap=True)
    console.print(Text(f"{'distractors':<16} {kinds}\n", style="dim"))


def note_as_json(note: Note, split: str) -> dict[str, object]:
    """Return a note for machines: its record, its split, and where each label item and distractor stands."""
    return {"split": split, **note.record.model_dump(), "provenance": provenance_of(note)}


def marked(note: Note, *, has_colour: bool) -> Text:
    """Return the note's text with each span in its field's style, or in brackets with the field's name."""
    text, at = Text(), 0
    for span in _joined(note.spans):
        name = _name(span)
        words = note.record.input[span.start : span.end]
        text.append(note.record.input[at : span.start])
        if has_colour:
            text.append(words, style=STYLES.get(name, _DISTRACTOR_STYLE))
        else:
            text.append(f"[{name}: {words}]")
        at = span.end
    return text.append(note.record.input[at:])


def _joined(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in the order of the text, pieces of one statement in one."""
    joined: list[Span] = []
    for span in sorted(spans, key=lambda span: span.start):
        if joined and joined[-1].end == span.start and joined[-1].tag == span.tag:
            joined[-1] = replace(joined[-1], end=span.end)
        else:
            joined.append(span)
    return joined


def legend(console: Console) -> None:
    """Print which colour is which field, where there are colours."""
    if console.color_system is not None:
        text = Text(" ").join(Text(f" {name} ", style=style) for name, style in STYLES.items())
        console.print(text.append(" ").append(f" {DISTRACTOR} ", style=_DISTRACTOR_STYLE))


def _name(span: Span) -> str:
    if not span.tag.startswith("!"):
        return Tag.parse(span.tag).field
    kind = span.tag[1:].partition("|")[0]
    return f"{DISTRACTOR} {kind.replace('_', ' ')}"


def _tags(note: Note) -> list[Tag]:
    return [Tag.parse(span.tag) for span in note.spans if not span.tag.startswith("!")]
