"""A note as a reviewer sees it: every tagged stretch marked, nothing of the text lost."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from casebook.layout import Span
from casebook.note import Note
from casebook.sample import UnknownChoiceError, Wanted, sample_notes
from fine_tune_slm.note_view import STYLES, legend, marked, show_note


@pytest.fixture(scope="module")
def note() -> Note:
    return next(note for _, note in sample_notes(Wanted(count=1, seed=2)))


def test_in_colour_the_text_stays_as_it_is_and_each_span_has_its_fields_style(note: Note) -> None:
    text = marked(note, has_colour=True)
    assert text.plain == note.record.input
    styles = {span.style for span in text.spans}
    fields = {span.tag.partition("|")[0] for span in note.spans if not span.tag.startswith("!")}
    assert {STYLES[field] for field in fields} <= styles


def test_without_colour_brackets_name_field_and_distractor_and_pieces_are_joined(note: Note) -> None:
    text = "No spread to the liver. Stage IV melanoma."
    spans = (
        Span(24, 32, "stage|IV|0|"),
        Span(17, 20, "!ruled_out_site|liver"),
        Span(20, 22, "!ruled_out_site|liver"),
    )
    made = replace(note, record=note.record.model_copy(update={"input": text}), spans=spans)
    assert marked(made, has_colour=False).plain == (
        "No spread to the [distractor ruled out site: liver]. [stage: Stage IV] melanoma."
    )


def test_colours_are_explained_where_there_are_some(note: Note) -> None:
    coloured, plain = io.StringIO(), io.StringIO()
    for stream, system in ((coloured, "truecolor"), (plain, None)):
        console = Console(file=stream, force_terminal=system is not None, color_system=system, width=100)
        legend(console)
        show_note(note, "train", console)
    assert " metastasis_site " in coloured.getvalue().splitlines()[0]
    assert "\x1b[" in coloured.getvalue()
    assert "\x1b[" not in plain.getvalue()
    assert f"case {note.case.number} " in plain.getvalue()


def test_a_genre_or_entity_may_be_written_as_people_write_it() -> None:
    [(split, note)] = sample_notes(Wanted(genre="Progress note", entity="Lung adenocarcinoma", count=1, seed=1))
    assert (note.genre, note.case.entity.label) == ("progress_note", "lung adenocarcinoma")
    assert split in {"train", "validation", "challenge"}
    with pytest.raises(UnknownChoiceError, match="radiology"):
        next(sample_notes(Wanted(genre="sonnet")))
