"""Writes one note: case in, text with labels, spans and provenance out."""

from __future__ import annotations

from dataclasses import dataclass

from casebook.case import Case
from casebook.catalogue import Catalogue, Entity
from casebook.clauses import Clauses, is_held_out
from casebook.fill import draw_length, fill
from casebook.grammar import Writer
from casebook.labels import Tag, record
from casebook.layout import Span, compose, render
from casebook.noise import add_noise
from casebook.plan import write_facts
from casebook.streams import Stream
from extraction.schema import DatasetRecord


@dataclass(frozen=True)
class Note:
    """A finished note with its record and where each label item stands in it."""

    case: Case
    genre: str
    record: DatasetRecord
    spans: tuple[Span, ...]
    distractors: tuple[str, ...]
    noise: tuple[str, ...]
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
    name = stream("genre").weighted(_genres(edition, case))
    genre = {**data.layout, **data.genres[name]}
    writer = Writer(stream("words"), {**data.lexicon, "scan": data.lexicon[case.entity.scan]})
    clauses = Clauses(case, data, writer, genre["styles"], edition.split == "train")
    lengths = stream("length")
    length = draw_length(lengths, name)
    clauses.brevity = length.brevity
    write_facts(clauses)
    kinds = fill(clauses, lengths, length)
    pieces, noise = add_noise(
        compose(clauses.draft, genre, stream("layout")), data, stream("noise"), is_scanned=genre.get("scanned", False)
    )
    text, spans = render(pieces)
    return Note(
        case=case,
        genre=name,
        record=DatasetRecord(input=text, output=record(span.tag for span in spans)),
        spans=tuple(spans),
        distractors=(*kinds, *_superseded_response(spans)),
        noise=noise,
        uses_held_out_frame=any(is_held_out(frame) for frame in clauses.draft.frames),
    )


def _genres(edition: Edition, case: Case) -> list[tuple[str, float]]:
    """Return the genres of the split with their shares."""
    laws = edition.data.genres.items()
    barred = barred_genres(case.entity)
    fitting = [(name, law) for name, law in laws if edition.split in law.get("splits", [edition.split])]
    return [(name, law["share"]) for name, law in fitting if name not in barred]


def barred_genres(entity: Entity) -> set[str]:
    """Return the genres that never tell of an entity: nobody images a disease of the marrow or resects a lymphoma."""
    barred = {"radiology"} if entity.scan == "scan_marrow" else set()
    return barred | ({"pathology"} if entity.is_blood_cancer else set())


def _superseded_response(spans: list[Span]) -> list[str]:
    """Return the distractor that a response of an earlier line is, when the note states one."""
    tags = [Tag.parse(span.tag) for span in spans if span.tag.startswith("response|")]
    last = max((int(tag.order) for tag in tags), default=0)
    return ["superseded_response"] if any(int(tag.order) < last and tag.order % 1 == 0 for tag in tags) else []
