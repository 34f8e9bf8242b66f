"""Brings a note to the length that was drawn for it: distractors by their shares, then statements of many topics.

A topic is drawn before a frame, so that a long note speaks of many things, each where a note would speak of it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from casebook.clauses import Clause, Clauses
from casebook.distractors import write_distractors
from casebook.grammar import text_of
from casebook.streams import Stream


@dataclass(frozen=True)
class Length:
    """A class of lengths: words wanted, weight by share, distractors next to the average, liking for short frames."""

    low: int
    high: int
    weight: float
    density: float
    brevity: float


LENGTHS = (
    Length(12, 26, 32, 0.05, 2.0),
    Length(38, 56, 50, 1.0, 0.5),
    Length(78, 134, 19, 1.55, 0.0),
    Length(152, 285, 17.5, 1.95, 0.0),
)
_SELDOM_LONG = frozenset({"key_value", "nurse", "patient_message", "molecular", "trial_screening", "fax"})
# Shares of the specification by number of words.
LENGTH_SHARES = {(0, 40): 0.10, (40, 75): 0.45, (75, 150): 0.30, (150, 331): 0.15}
_NEVER_SHORT = frozenset({"referral", "discharge", "tumour_board", "trial_screening", "case_report"})
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
_TIDY_ORDER = (
    *("", "filler_history", "filler_social", "filler_symptoms", "filler_exam", "filler_labs"),
    *("filler_supportive", "filler", "filler_plan", "filler_admin"),
)
_CLINICAL_STYLES = ("abstract", "board", "dictated", "discharge", "fax", "letter", "nurse", "sbar", "trial")
_OWN_STYLES = ("radiology", "pathology", "molecular", "lay", *_CLINICAL_STYLES)
_OWN_STYLE_BLOCKS = ("extras", "extras", "staging")
_OWN_STYLE_SHARE = {"filler_lay": 0.6} | {f"filler_{style}": 0.35 for style in _CLINICAL_STYLES}
_OWN_STYLE_SHARE["filler_abstract"] = 0.7  # a published case tells nothing of parking or prescriptions
_REPORT_STYLE_SHARE = 0.88  # a report of the laboratory or of imaging says little of anything else
_REPORT_TOPICS = ("filler_history", "filler_admin")
_GROUPED_SHARE = 0.6
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
    r"contrast|opacify|gadolinium|extravasation|parents|\bfall|waist|body mass|dose-length|beam-hardening|"
    r"pneumothorax|heart|gallbladder|portal|hydronephrosis|recommend|walk|drives|dental|diabetes|hypertension|kidney",
    re.IGNORECASE,
)


# Different words of one subject: a patient has one working life, an examination one technique.
_ONE_SUBJECT = {
    **dict.fromkeys(("retired", "works", "worked", "occupation", "job"), "work"),
    **dict.fromkeys(("opacify", "gadolinium", "extravasation", "dose-length", "beam-hardening"), "contrast"),
    **dict.fromkeys(("waist", "body mass"), "weight"),
}
_WORKING = ("{occupation}", "{job}")
# What only a patient of a certain age can look back on, and what is behind the old.
_OF_LATER_LIFE = re.compile(
    r"(?:hip|knee) replacement|decades|in h(?:is|er) (?:twenties|youth)|in youth|grand|cataract|small stroke|stent|"
    r"memory aid|\bpension|merchant navy|wears bifocals|evening muddle|retired",
)
_OF_YOUNGER_LIFE = re.compile(
    r"judo|skiing|childcare|school (?:holidays|run)|five-a-side|referees|university health|parents? (?:well|alive)|"
    r"walking football|vapes",
    re.IGNORECASE,
)
_LATER_LIFE_FROM_YEARS, _YOUNGER_LIFE_UP_TO_YEARS = 45, 74


def draw_length(stream: Stream, genre: str) -> Length:
    """Return the class of lengths that a note of this genre shall have."""
    seldom = {LENGTHS[-1]: _SELDOM_LONG_WEIGHT} if genre in _SELDOM_LONG else {}
    seldom |= {LENGTHS[0]: 0.0} if genre in _NEVER_SHORT else {}
    return stream.weighted([(length, length.weight * seldom.get(length, 1.0)) for length in LENGTHS])


def fill(clauses: Clauses, stream: Stream, length: Length) -> list[str]:
    """Add distractors and other statements until the note has the length wanted; return the distractors."""
    kinds = write_distractors(clauses, stream, length.density)
    fillers = _Fillers(clauses, stream)
    fillers.write(stream.integer(length.low, length.high))
    fillers.arrange()
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
        if any(slot in frame for frame in clauses.draft.frames for slot in _WORKING):
            self.subjects.add("work")
        own = [f"filler_{style}" for style in clauses.styles if style in _OWN_STYLES]
        self.own = [kind for kind in own if clauses.can(kind, {})]
        is_report = bool(self.own) and self.own != ["filler_lay"]
        self.topics = [kind for kind in (_REPORT_TOPICS if is_report else TOPICS) if clauses.can(kind, {})]
        self.said: list[str] = []

    def write(self, wanted: int) -> None:
        """Write statements until the draft has about `wanted` words or nothing new is left to say."""
        misses = 0
        while self.clauses.draft.words() < wanted - 3 and misses < len(self.topics) + 12:
            kind, blocks = self._kind()
            frame, clause = self.clauses.draw(kind, {})
            subjects = _subjects(clause) | ({"work"} if any(slot in frame for slot in _WORKING) else set())
            if frame in self.clauses.draft.frames or subjects & self.subjects or not self._suits_age(clause):
                misses += 1
                continue
            self.subjects |= subjects
            self.said.append(kind)
            self.clauses.keep(self._block(blocks), frame, clause)

    def _suits_age(self, clause: Clause) -> bool:
        text, age = text_of(clause.pieces), self.clauses.case.age
        is_too_young = age < _LATER_LIFE_FROM_YEARS and _OF_LATER_LIFE.search(text)
        is_too_old = age > _YOUNGER_LIFE_UP_TO_YEARS and _OF_YOUNGER_LIFE.search(text)
        return not (is_too_young or is_too_old)

    def arrange(self) -> None:
        """Put the last block into an order: by topic in a tidy note, at random in others."""
        extras = self.clauses.draft.blocks["extras"]
        order = {kind: place for place, kind in enumerate(_TIDY_ORDER)}
        mixed = self.stream.shuffled(extras)
        is_tidy = self.stream.happens(_GROUPED_SHARE)
        extras[:] = sorted(mixed, key=lambda clause: order.get(clause.kind, 0)) if is_tidy else mixed

    def _kind(self) -> tuple[str, tuple[str, ...]]:
        if self.own and self.stream.happens(_OWN_STYLE_SHARE.get(self.own[0], _REPORT_STYLE_SHARE)):
            return self.own[0], ("extras",) if self.own[0] in _OWN_STYLE_SHARE else _OWN_STYLE_BLOCKS
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
    words = {match.lower() for match in _SUBJECT.findall(text_of(clause.pieces))}
    return {_ONE_SUBJECT.get(word, word) for word in words}
