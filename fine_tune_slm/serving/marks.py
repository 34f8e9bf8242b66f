"""Cuts a note where the evidence of some item begins or ends, so that overlapping words can be marked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from extraction.evidence import Evidence, Span
from extraction.schema import Field


@dataclass(frozen=True)
class Segment:
    """Words of the note for which the same fields speak."""

    number: int
    text: str
    fields: tuple[Field, ...]
    """Whose evidence these words are; none of plain text."""
    endings: tuple[Field, ...]
    """Those of them whose evidence ends here, where their name is shown."""


def segments(note: str, evidence: Evidence) -> list[Segment]:
    """Return the whole note in segments."""
    marks = sorted(_marks(evidence), key=lambda mark: mark[1].start)
    cuts = sorted({0, len(note), *(cut for _, span in marks for cut in (span.start, span.end))})
    return [_segment(number, note, cut, marks) for number, cut in enumerate(pairwise(cuts))]


def segment_at(found: list[Segment], start: int) -> int:
    """Return the number of the segment that begins at a character."""
    at = 0
    for segment in found:
        if at >= start:
            return segment.number
        at += len(segment.text)
    return len(found)


def _marks(evidence: Evidence) -> Iterator[tuple[Field, Span]]:
    for field, items in evidence.items():
        yield from ((field, span) for item in items for span in item.spans)


def _segment(number: int, note: str, cut: tuple[int, int], marks: list[tuple[Field, Span]]) -> Segment:
    start, end = cut
    within = [(field, span) for field, span in marks if span.start <= start and end <= span.end]
    fields = tuple(dict.fromkeys(field for field, _ in within))
    endings = tuple(dict.fromkeys(field for field, span in within if span.end == end))
    return Segment(number, note[start:end], fields, endings)
