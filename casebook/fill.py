"""Brings a note to the length that was drawn for it: distractors by their shares, then statements of many topics.

A topic is drawn before a frame, so that a long note speaks of many things, each where a note would speak of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from casebook.clauses import Clause, Clauses
from casebook.distractors import write_distractors
from casebook.grammar import text_of
from casebook.streams import Stream

# Words that a note should have, weights by share, and how many distractors such a note has next to an average one.
_LENGTHS: tuple[tuple[tuple[int, int], float, float], ...] = (
    ((22, 36), 11, 0.25),
    ((40, 72), 43, 0.8),
    ((78, 140), 30, 1.15),
    ((152, 285), 16, 1.75),
)
_SELDOM_LONG = frozenset({"key_value", "nurse", "patient_message", "molecular", "trial_screening", "fax"})
_SELDOM_LONG_WEIGHT = 0.45
# Topics with the blocks in which a note would speak of them; `filler` may be of any topic.
TOPICS: dict[str, tuple[str, ...]] = {
    "filler": ("extras", "extras", "status", "opening"),
    "filler_social": ("opening", "extras"),
    "filler_history": ("opening", "opening", "extras"),
    "filler_symptoms": ("status", "opening", "extras"),
    "filler_exam": ("status", "extras"),
    "filler_labs": ("findings", "status", "extras"),
    "filler_supportive": ("course", "status", "extras"),
    "filler_plan": ("extras",),
    "filler_admin": ("extras",),
}
_OWN_STYLES = ("radiology", "pathology", "molecular", "lay")
_OWN_STYLE_BLOCKS = ("extras", "extras", "staging", "findings")
_OWN_STYLE_SHARE = 0.65
_MOST_IN_A_ROW = 3
# A note speaks of each of these once, whoever wrote the sentence: twice would often contradict.
_SUBJECT = re.compile(
    r"smok|pack-year|weight|appetite|lives|living|alone|\bHb\b|haemoglobin|creatinine|platelet|afebrile|fever|vital|"
    r"observations|\bBP\b|allerg|vaccin|booster|sleep|insomnia|mood|spirits|anxious|\bport\b|retired|works|worked|"
    r"occupation|\bjob\b|\bpain|nausea|fatigue|tired|energy|neuropathy|rash|diarrhoea|constipation|bowel|bilirubin|"
    r"transaminase|liver enzymes|liver function|ejection|ECOG|Karnofsky|performance status|phase|alcohol|drinks|"
    r"children|daughter|\bson\b|sister|grand|next review|follow-up in|see \w+ again|seen again|review in|transfus|"
    r"blood count|neutrophil|advance care|interpreter|translator|copy of|travel|saturation|lymphovascular|perineural|"
    r"margins|frozen|tumour size|mitotic|gross|block|coverage|tumour content|assay|specimen:|technique|comparison|"
    r"pneumothorax|heart|gallbladder|portal|hydronephrosis|recommend|walk|drives|dental|diabetes|hypertension|kidney",
    re.IGNORECASE,
)


def fill(clauses: Clauses, stream: Stream, genre: str) -> list[str]:
    """Add distractors and other statements until the note has the length drawn for it; return the distractors."""
    seldom = genre in _SELDOM_LONG
    laws = [
        (index, weight * (_SELDOM_LONG_WEIGHT if seldom and index == len(_LENGTHS) - 1 else 1.0))
        for index, (_, weight, _) in enumerate(_LENGTHS)
    ]
    (low, high), _, density = _LENGTHS[stream.weighted(laws)]
    wanted = stream.integer(low, high)
    kinds = write_distractors(clauses, stream, density)
    _Fillers(clauses, stream).write(wanted)
    return kinds


class _Fillers:
    """The statements beside the facts that one note makes."""

    def __init__(self, clauses: Clauses, stream: Stream) -> None:
        self.clauses = clauses
        self.stream = stream
        self.subjects = {
            word
            for block in clauses.draft.blocks.values()
            for clause in block
            if clause.kind in {"roman", "anatomy", "percentages", "drug_noise"}
            for word in _subjects(clause)
        }
        own = [f"filler_{style}" for style in clauses.styles if style in _OWN_STYLES]
        self.own = [kind for kind in own if clauses.can(kind, {})]
        self.topics = [kind for kind in TOPICS if clauses.can(kind, {})]
        self.said: list[str] = []

    def write(self, wanted: int) -> None:
        """Write statements until the draft has about `wanted` words or nothing new is left to say."""
        misses = 0
        while self.clauses.draft.words() < wanted - 3 and misses < len(self.topics) + 12:
            kind, blocks = self._kind()
            frame, clause = self.clauses.draw(kind, {})
            subjects = _subjects(clause)
            if frame in self.clauses.draft.frames or subjects & self.subjects:
                misses += 1
                continue
            self.subjects |= subjects
            self.said.append(kind)
            self.clauses.keep(self._block(blocks), frame, clause)

    def _kind(self) -> tuple[str, tuple[str, ...]]:
        if self.own and self.stream.happens(_OWN_STYLE_SHARE):
            return self.own[0], _OWN_STYLE_BLOCKS if "lay" not in self.own[0] else ("extras",)
        others = [kind for kind in self.topics if [kind] != self.said[-1:]] or self.topics
        kind = self.stream.pick(others)
        return kind, TOPICS[kind]

    def _block(self, blocks: Sequence[str]) -> str:
        """Return one of the blocks, one with few statements of this sort at its end if there is a choice."""
        first, second = self.stream.pick(blocks), self.stream.pick(blocks)
        return min(first, second, key=self._run)

    def _run(self, block: str) -> int:
        run = 0
        for clause in reversed(self.clauses.draft.blocks[block]):
            if not clause.kind.startswith("filler"):
                break
            run += 1
        return run if run >= _MOST_IN_A_ROW else 0


def _subjects(clause: Clause) -> set[str]:
    return {match.lower() for match in _SUBJECT.findall(text_of(clause.pieces))}
