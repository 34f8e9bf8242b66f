"""Writes clauses: picks a frame of a kind for the style of the note, fills it and keeps it in its block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from casebook.case import Case
from casebook.catalogue import Catalogue
from casebook.grammar import FrameError, Piece, Slots, Writer, sentence, slots_of, text_of
from casebook.patient import Patient
from casebook.phrases import Phrases
from casebook.streams import digest_fraction

HELD_OUT_SHARE = 0.15
BLOCKS = ("opening", "staging", "findings", "course", "status", "extras")
SlotValues = dict[str, "str | list[Piece]"]


def is_held_out(frame: str) -> bool:
    """Return True for the frames that only validation and challenge notes may use."""
    return digest_fraction("frame", frame) < HELD_OUT_SHARE


@dataclass
class Draft:
    """The clauses of a note by block, and the frames that wrote them."""

    blocks: dict[str, list[list[Piece]]] = field(default_factory=lambda: {name: [] for name in BLOCKS})
    frames: list[str] = field(default_factory=list)

    def words(self) -> int:
        """Return how many words the draft has."""
        return sum(len(text_of(clause).split()) for block in self.blocks.values() for clause in block)


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

    def add(self, block: str, kind: str, slots: Slots, tag: str = "") -> None:
        """Write one clause of a kind into a block; with a tag, all of its own words carry it."""
        if block == "course":
            self.patient.advance()
        values: SlotValues = {**self.patient.slots(self.is_telegraphic), **slots}
        frame = self.stream.pick(self._frames(kind, values))
        pieces = sentence(self.writer.expand(frame, values))
        if tag:
            pieces = [Piece(piece.text, piece.tag or tag) for piece in pieces]
        self.draft.frames.append(frame)
        self.draft.blocks[block].append(pieces)

    def _frames(self, kind: str, values: Mapping[str, object]) -> list[str]:
        for name in (*(f"{kind}_{style}" for style in self.styles), kind):
            usable = [frame for frame in self.data.frames.get(name, ()) if slots_of(frame) <= set(values)]
            if usable:
                shown = [frame for frame in usable if not (self.is_training and is_held_out(frame))]
                return shown or usable
        raise FrameError(f"no frame of kind {kind} fits the slots {sorted(values)}")
