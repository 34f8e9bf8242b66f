"""Writes clauses: picks a frame of a kind for the style of the note, fills it and keeps it in its block."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import exp, log2

from casebook.case import Case
from casebook.catalogue import Catalogue, catalogue
from casebook.grammar import Choice, FrameError, Node, Piece, Rule, Slots, Writer, parse, sentence, slots_of, text_of
from casebook.patient import Patient
from casebook.phrases import Phrases
from casebook.streams import Stream, digest_fraction

HELD_OUT_SHARE = 0.15
BLOCKS = ("opening", "staging", "findings", "course", "status", "extras")
SlotValues = dict[str, "str | list[Piece]"]

# How often a genre keeps to its own manner when there are plain frames too; a patient's words stay a patient's.
_OWN_MANNER = {"tele": 0.72, "lay": 0.92}
_OWN_MANNER_OTHERWISE = 0.8
_TAIL_SHARE = 0.75
_BARE_WORDS = 1
_DISEASE = re.compile(r"\b([Tt])he disease\b")
_DISEASE_NAMES = ("he disease", "he disease", "he cancer", "he malignancy", "his cancer", "his malignancy")


def is_held_out(frame: str) -> bool:
    """Return True for the frames that only validation and challenge notes may use."""
    return digest_fraction("frame", frame) < HELD_OUT_SHARE


@cache
def weight_of(frame: str) -> float:
    """Return how often a frame may be picked: the more ways it has of being read, the more often."""
    return 0.5 + min(log2(_readings(parse(frame))), 5.0)


def _readings(nodes: tuple[Node, ...]) -> float:
    count = 1.0
    for node in nodes:
        if isinstance(node, Choice):
            count *= sum(map(_readings, node.options))
        elif isinstance(node, Rule):
            count *= len(catalogue().lexicon.get(node.name, "1"))
    return count


@cache
def words_of(frame: str) -> float:
    """Return how many words the frame gives on average; a slot counts as two."""
    return _words(parse(frame))


def _words(nodes: tuple[Node, ...]) -> float:
    count = 0.0
    for node in nodes:
        if isinstance(node, Choice):
            count += sum(map(_words, node.options)) / len(node.options)
        else:
            count += len(node.split()) if isinstance(node, str) else 2.0
    return count


@dataclass(frozen=True)
class Clause:
    """A sentence of a note that is not yet in its place."""

    pieces: list[Piece]
    kind: str


@dataclass
class Draft:
    """The clauses of a note by block, and the frames that wrote them."""

    blocks: dict[str, list[Clause]] = field(default_factory=lambda: {name: [] for name in BLOCKS})
    frames: list[str] = field(default_factory=list)

    def words(self) -> int:
        """Return how many words the draft has."""
        return sum(len(text_of(clause.pieces).split()) for block in self.blocks.values() for clause in block)


class Clauses:
    """Writes clauses in one style from the frames that a split may use."""

    def __init__(self, case: Case, data: Catalogue, writer: Writer, styles: Sequence[str], is_training: bool) -> None:
        self.case = case
        self.data = data
        self.writer = writer
        self.stream = writer.stream
        self.patient = Patient(case, writer, data)
        self.phrases = Phrases(case, writer, data)
        self.draft = Draft()
        self.styles = styles
        self.is_telegraphic = "tele" in styles
        self.is_training = is_training
        self.brevity = 0.0  # how strongly short frames are preferred, per word

    def add(self, block: str, kind: str, slots: Slots, tag: str = "") -> Clause:
        """Write one clause of a kind into a block; with a tag, all of its own words carry it."""
        if block == "course" or kind.startswith("response"):
            self.patient.advance()
        frame, clause = self.draw(kind, slots, tag)
        self.keep(block, frame, clause)
        return clause

    def add_first(self, block: str, kind: str, slots: Slots) -> None:
        """Write one clause of a kind at the start of a block."""
        self.add(block, kind, slots)
        clauses = self.draft.blocks[block]
        clauses.insert(0, clauses.pop())

    def keep(self, block: str, frame: str, clause: Clause) -> None:
        """Put a clause that was drawn at the end of a block."""
        self.draft.frames.append(frame)
        self.draft.blocks[block].append(clause)

    def draw(self, kind: str, slots: Slots, tag: str = "") -> tuple[str, Clause]:
        """Return a frame of a kind and the clause that it gives, without keeping it."""
        values: SlotValues = {**self.patient.slots(self.is_telegraphic), **slots}
        frames = self._frames(kind, values)
        fresh = [frame for frame in frames if frame not in self.draft.frames] or frames
        frame = self.stream.weighted([(frame, self._weight(frame)) for frame in fresh])
        pieces = _renamed(self.writer.expand(frame, values), self.stream)
        if self.is_telegraphic:
            pieces = self._with_tail(pieces, values)
        pieces = sentence(pieces)
        if tag:
            pieces = [Piece(piece.text, piece.tag or tag) for piece in pieces]
        return frame, Clause(pieces, kind)

    def has_manner_for(self, kind: str) -> bool:
        """Return True unless the note is in a patient's words and nobody has put clauses of this kind in such words."""
        return "lay" not in self.styles or f"{kind}_lay" in self.data.frames

    def _weight(self, frame: str) -> float:
        return weight_of(frame) * exp(-self.brevity * words_of(frame))

    def can(self, kind: str, slots: Slots) -> bool:
        """Return True when there is a frame of the kind that these slots fill."""
        values = {**self.patient.slots(self.is_telegraphic), **slots}
        return any(self._usable(name, values) for name in self._names(kind))

    def _with_tail(self, pieces: list[Piece], values: SlotValues) -> list[Piece]:
        """Return a line that is nothing but facts with a remark on their source, as charts have it."""
        words = " ".join(piece.text for piece in pieces if piece.tag is None).split()
        if len(words) > _BARE_WORDS or not self.stream.happens(_TAIL_SHARE):
            return pieces
        return [*pieces, *self.writer.expand("<tail>", values)]

    def _frames(self, kind: str, values: Mapping[str, object]) -> list[str]:
        plain: list[str] = []
        for name in self._names(kind):
            usable = self._usable(name, values)
            plain = plain or usable
            style = name.removeprefix(kind).removeprefix("_")
            if usable and (not style or self.stream.happens(_OWN_MANNER.get(style, _OWN_MANNER_OTHERWISE))):
                return usable
        plain = plain or [frame for name in self._names(kind) for frame in self._fitting(name, values)]
        if plain:
            return plain
        raise FrameError(f"no frame of kind {kind} fits the slots {sorted(values)}")

    def _names(self, kind: str) -> tuple[str, ...]:
        return (*(f"{kind}_{style}" for style in self.styles), kind)

    def _usable(self, name: str, values: Mapping[str, object]) -> list[str]:
        return [frame for frame in self._fitting(name, values) if not (self.is_training and is_held_out(frame))]

    def _fitting(self, name: str, values: Mapping[str, object]) -> list[str]:
        return [frame for frame in self.data.frames.get(name, ()) if slots_of(frame) <= values.keys()]


def _renamed(pieces: list[Piece], stream: Stream) -> list[Piece]:
    """Return the pieces with "the disease" called by one of its names."""

    def name(match: re.Match[str]) -> str:
        return match[1] + stream.pick(_DISEASE_NAMES)

    return [piece if piece.tag else Piece(_DISEASE.sub(name, piece.text)) for piece in pieces]
