"""How one clause follows another: as a sentence of its own, introduced, or joined to the one before by a linking word.

Which linking words are grammatical depends on what follows: a finite clause may come after "while" or "after which",
a fragment only after punctuation.
"""

from __future__ import annotations

import re
from typing import Any

from casebook.grammar import Piece, text_of
from casebook.streams import Stream

_EPONYMS = "Karnofsky|Hodgkin|Parkinson|Gleason|Clark|Breslow|Nottingham|Gilbert|Crohn|Barrett|Raynaud"
_COMMON_START = re.compile(rf"(?!Mrs? |Dr |I |GP |(?:{_EPONYMS})\b)(?:[A-Z]?[a-z]+|A)(?:[ ,']|$)")
_SUBJECT = re.compile(
    r"(?:the|this|these|there|she|he|it|a|an|no|our|we|his|her|their|all|some|most|both|several|every|each|"
    r"[a-z]+ing|imaging|restaging|staging|surveillance|treatment|disease|pathology|surgery|metastases)\b",
    re.IGNORECASE,
)
_VERB = re.compile(
    r"\b(?:is|are|was|were|has|had|have|did|does|will|showed|shows|demonstrated|revealed|confirmed|documented|"
    r"remains|remain|continues|underwent|received|started|began|completed|progressed|developed|achieved|found|"
    r"identified|carries|carried|harbours|came|went|gave|led|involves?|followed|reports|lives|takes|feels)\b"
)
_OWN_TIME = re.compile(
    r"^(?:after|then|subsequently|this|since|thereafter|initial|initially|prior|previous|earlier|later|now|currently|"
    r"current|treatment began|management began)\b|"
    r"\b(?:then|subsequently|afterwards|meanwhile|later|first|previously|initially)\b",
    re.IGNORECASE,
)
_COURSE_JOINTS = (
    *(", after which ", ", and then ", ", following which ", "; thereafter ", "; afterwards, ", "; subsequently, "),
    *(", and later ", "; after that ", ", and in due course "),
)
_FINDING_JOINTS = (", while ", "; moreover, ", ", and ")
# Words that announce a point or a sum of points; absurd before a remark on parking.
_WEIGHTY = re.compile(
    r"To summari|In (?:summary|short|brief)|Briefly|To recap|Important|Of relevance|Relevant|Notably|On (?:chart|revi)"
)
_FRAGMENT_JOINTS = ("; ", "; ", " - ", "; ")
_TELEGRAPHIC_JOINTS = ("; ", "; ", ", ", " - ", " / ", " -- ", "; ")
_JOINING, _INTRODUCING = 0.36, 0.14
_TELEGRAPHIC_FROM = 0.1  # genres that introduce less often than this write in lines and fragments
_TELEGRAPHIC_JOINING = 0.66
_MOST_JOINED = {False: 2, True: 4}
_POOR_WORDS = 2
_BULLET = re.compile(r"^(?:[-*] |\d\) )")
_INTENTS = frozenset({"preoperative", "postoperative"})  # labels say neoadjuvant and adjuvant
_FILLER = "filler"


def is_poor(line: list[Piece]) -> bool:
    """Return True for a line that has next to no words outside its facts."""
    words = re.findall(r"[A-Za-z]{2,}", " ".join(piece.text for piece in line if piece.tag is None))
    return len(words) <= _POOR_WORDS


def lowered(clause: list[Piece]) -> list[Piece]:
    """Return the clause with a small first letter when a common word begins it."""
    is_common = _begins_with_a_common_word(clause) or _is_plain_fact(clause[0])
    return _uncapitalised(clause) if is_common else clause


def is_finite(clause: list[Piece]) -> bool:
    """Return True when the clause seems to be a full sentence with subject and verb."""
    text = text_of(clause)
    return bool(_SUBJECT.match(text)) and bool(_VERB.search(text))


class Joints:
    """Links clauses in the manner of one note; draws from the stream of the layout."""

    def __init__(self, genre: dict[str, Any], stream: Stream) -> None:
        self.genre = genre
        self.stream = stream
        self.is_telegraphic = genre.get("introducing", _INTRODUCING) < _TELEGRAPHIC_FROM
        self._marks = stream.sample(_TELEGRAPHIC_JOINTS, 3)
        self._joined = 0
        self._block = ""
        self._hesitations: list[str] = []

    def linked(self, pieces: list[Piece], clause: list[Piece], block: str, *, is_first: bool) -> list[Piece]:
        """Return the clause ready to follow `pieces`, whose last full stop it may turn into a joint.

        `block` is the block of the clause, or the kind of a statement beside the facts: such a one is joined only to
        another of its kind, and sums nothing up.
        """
        previous, self._block = self._block, block
        if is_first:
            self._joined = 0
            return clause
        if self._is_of_one_matter(block, previous) and self._may_join(pieces, clause):
            self._joined += 1
            joint = self._joint(clause, block, previous)
            pieces[-1] = Piece(pieces[-1].text[:-1] + joint, pieces[-1].tag)
            return _uncapitalised(clause)
        self._joined = 0
        pieces.append(Piece(" "))
        is_plain = _begins_with_a_common_word(clause) and is_finite(clause)
        if is_plain and self.stream.happens(self.genre.get("introducing", _INTRODUCING)):
            pieces.append(Piece(self._introduction(block)))
            return _uncapitalised(clause)
        return clause

    def appended(self, pieces: list[Piece], line: list[Piece]) -> list[Piece]:
        """Return a line ready to be put behind another one, without the bullet or number that it had."""
        line = [Piece(_BULLET.sub("", line[0].text), line[0].tag), *line[1:]]
        line = line if line[0].text else line[1:]
        if pieces[-1].text.endswith(".") and pieces[-1].tag is None:
            pieces[-1] = Piece(pieces[-1].text[:-1] + self._mark(line))
            return lowered(line)
        return [Piece(" "), *line]

    def hesitation(self) -> str:
        """Return a noise that people make while they dictate, none of them twice before all were made."""
        self._hesitations = self._hesitations or self.stream.shuffled(self.genre["disfluencies"])
        return self._hesitations.pop()

    def _is_of_one_matter(self, block: str, previous: str) -> bool:
        return self.is_telegraphic or block == previous or _FILLER not in block + previous

    def _introduction(self, block: str) -> str:
        introductions = self.genre["introductions"]
        if block == "extras" or block.startswith(_FILLER):
            introductions = [words for words in introductions if not _WEIGHTY.match(words)] or introductions
        return self.stream.pick(introductions)

    def _mark(self, clause: list[Piece]) -> str:
        """Return one of the note's marks; no comma before a clause that keeps its capital."""
        mark = self.stream.pick(self._marks)
        is_capital = clause[0].text[:1].isupper() and not _begins_with_a_common_word(clause)
        return "; " if mark == ", " and is_capital else mark

    def _may_join(self, pieces: list[Piece], clause: list[Piece]) -> bool:
        can_be_joined = clause[0].tag is not None if self.is_telegraphic else False
        can_be_joined = can_be_joined or _begins_with_a_common_word(clause)
        share = max(self.genre.get("joining", _JOINING), _TELEGRAPHIC_JOINING if self.is_telegraphic else 0.0)
        is_open = pieces[-1].text.endswith(".") and self._joined < _MOST_JOINED[self.is_telegraphic]
        return is_open and can_be_joined and self.stream.happens(share)

    def _joint(self, clause: list[Piece], block: str, previous: str) -> str:
        if self.is_telegraphic:
            return self._mark(clause)
        if not is_finite(clause):
            return self.stream.pick(_FRAGMENT_JOINTS)
        if block == previous == "course" and not _OWN_TIME.search(text_of(clause)):
            return self.stream.pick(_COURSE_JOINTS)
        if block in {"staging", "findings"} and self.stream.happens(0.5):
            return self.stream.pick(_FINDING_JOINTS)
        return self.stream.pick(self.genre["joints"] if block == previous else _FRAGMENT_JOINTS)


def _begins_with_a_common_word(clause: list[Piece]) -> bool:
    return _is_plain(clause[0]) and bool(_COMMON_START.match(clause[0].text)) and ": " not in clause[0].text


def _is_plain(piece: Piece) -> bool:
    """Return True unless the piece states a fact; all words of a distractor are tagged, common ones too."""
    return piece.tag is None or bool(re.fullmatch(r"!\w+\|", piece.tag))


def _is_plain_fact(piece: Piece) -> bool:
    """Return True for a fact or distractor that begins with a common word, such as a response or "stage IV"."""
    is_sentence = bool(re.fullmatch(r"response\|.*|!\w+\|", piece.tag or ""))
    is_common = is_sentence and bool(_COMMON_START.match(piece.text))
    is_common = is_common or ((piece.tag or "").startswith("stage|") and piece.text.startswith("Stage "))
    return is_common or _is_generic_name(piece)


def _is_generic_name(piece: Piece) -> bool:
    """Return True for a treatment or a drug that begins with the small letter of its tag, so with no brand name."""
    first = re.split(r"[ ,+/-]", piece.text, maxsplit=1)[0].lower()
    if (piece.tag or "").startswith(("treatment|", "!drug|", "!considered|")):
        return first in _INTENTS or (piece.tag or "").split("|")[1].startswith(first)
    return False


def _uncapitalised(clause: list[Piece]) -> list[Piece]:
    if clause[0].tag is not None and not _is_plain_fact(clause[0]):
        return clause
    return [Piece(clause[0].text[:1].lower() + clause[0].text[1:], clause[0].tag), *clause[1:]]
