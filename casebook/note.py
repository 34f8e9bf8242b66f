"""Writes one note: case in, text with labels, spans and provenance out."""

from __future__ import annotations

from dataclasses import dataclass

from casebook.case import Case
from casebook.catalogue import Catalogue
from casebook.clauses import Clauses, is_held_out
from casebook.distractors import write_distractors
from casebook.grammar import Writer
from casebook.labels import record
from casebook.layout import Span, compose, render
from casebook.noise import add_noise
from casebook.plan import write_facts
from casebook.streams import Stream
from extraction.schema import DatasetRecord

_LENGTHS = (((24, 38), 14), ((38, 66), 48), ((70, 105), 29), ((120, 175), 9))
_DISTRACTOR_COUNTS = ((0, 36), (1, 30), (2, 18), (3, 16))


@dataclass(frozen=True)
class Note:
    """A finished note with its record and where each label item stands in it."""

    case: Case
    genre: str
    record: DatasetRecord
    spans: tuple[Span, ...]
    distractors: tuple[str, ...]
    uses_held_out_frame: bool


@dataclass(frozen=True)
class Edition:
    """For which split notes are written, with which seed."""

    seed: int
    split: str
    data: Catalogue


def write_note(case: Case, edition: Edition, attempt: int = 0) -> Note:
    """Return the note of a case; another attempt words it anew."""

    def stream(stage: str) -> Stream:
        return Stream(edition.seed, stage, case.number, attempt)

    data = edition.data
    genres = [
        (name, law["share"]) for name, law in data.genres.items() if edition.split in law.get("splits", [edition.split])
    ]
    name = stream("genre").weighted(genres)
    writer = Writer(stream("words"), {**data.lexicon, "scan": data.lexicon[case.entity.scan]})
    clauses = Clauses(case, data, writer, data.genres[name]["styles"], edition.split == "train")
    write_facts(clauses)
    kinds = _fill(clauses, stream("length"))
    pieces = compose(clauses.draft, {**data.layout, **data.genres[name]}, stream("layout"))
    pieces = add_noise(pieces, data, stream("noise"), name == "fax")
    text, spans = render(pieces)
    return Note(
        case=case,
        genre=name,
        record=DatasetRecord(input=text, output=record(span.tag for span in spans)),
        spans=tuple(spans),
        distractors=tuple(kinds),
        uses_held_out_frame=any(is_held_out(frame) for frame in clauses.draft.frames),
    )


def _fill(clauses: Clauses, stream: Stream) -> list[str]:
    """Add distractors, then other statements, until the note has a length that was drawn for it."""
    low, high = stream.weighted([(bounds, float(weight)) for bounds, weight in _LENGTHS])
    wanted = stream.integer(low, high)
    kinds = write_distractors(
        clauses, stream.weighted([(count, float(weight)) for count, weight in _DISTRACTOR_COUNTS])
    )
    said: set[str] = set()
    while clauses.draft.words() < wanted - 4 and len(said) < 10:
        before = len(clauses.draft.frames)
        clauses.add("extras", "filler", {})
        frame = clauses.draft.frames[before]
        if frame in said:
            clauses.draft.blocks["extras"].pop()
            if stream.happens(0.3):
                break
        said.add(frame)
    return kinds
