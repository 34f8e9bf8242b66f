"""Slots about the person and about time: pronouns, age, occupation, and dates that stand in their order."""

from __future__ import annotations

from casebook.case import Case
from casebook.catalogue import Catalogue
from casebook.grammar import Piece, Writer, text_of
from casebook.labels import distractor

_INITIALS = "ABCDEFGHJKLMNPRSTW"
_RETIREMENT_AGE_YEARS = 67
_EARLIEST_RETIREMENT_AGE_YEARS = 57
_FIRST_YEARS = (2016, 2022)  # no earlier, or drugs would be given before there were such drugs
_LAST_YEAR = 2025
_LATER_LIFE_FROM_YEARS = 45
_OF_LATER_LIFE = frozenset(
    {"COPD", "Parkinson disease", "angina", "atrial fibrillation", "coronary artery disease", "dementia"}
    | {"heart failure", "osteoarthritis", "osteoporosis", "stage 3 chronic kidney disease", "glaucoma"}
)


class Patient:
    """The patient of one note, as its clauses mention them; every call draws afresh."""

    def __init__(self, case: Case, writer: Writer, data: Catalogue) -> None:
        self._case = case
        self._writer = writer
        self._stream = writer.stream
        self._words = data.words
        self._initial = self._stream.pick(_INITIALS)
        self._is_introduced = False
        self._year = self._stream.integer(*_FIRST_YEARS)
        self.first_year = str(self._year)
        """When the disease was found; no step of the course is dated earlier."""

    def advance(self) -> None:
        """Let a year pass, so that the dates of a course stand in their order."""
        self._year = min(self._year + 1, _LAST_YEAR)

    def slots(self, is_telegraphic: bool) -> dict[str, str | list[Piece]]:
        """Return the slots that any clause may use."""
        return self._grade() | self._person(is_telegraphic) | self._numbers() | self._background()

    def _grade(self) -> dict[str, str | list[Piece]]:
        grades = self._case.entity.grades
        return {"grade": [Piece(self._stream.pick(grades), distractor("grade", ""))]} if grades else {}

    def _person(self, is_telegraphic: bool) -> dict[str, str | list[Piece]]:
        female = self._case.is_female
        pronoun = "she" if female else "he"
        subjects = [pronoun, pronoun, pronoun, "the patient"] if self._is_introduced else ["the patient", pronoun]
        self._is_introduced = True
        nouns = ["woman", "woman", "lady", "female"] if female else ["man", "man", "gentleman", "male"]
        return {
            "S": "pt" if is_telegraphic else self._stream.pick(subjects),
            "his": "her" if female else "his",
            "him": "her" if female else "him",
            "man": self._stream.pick(nouns),
            "mf": "F" if female else "M",
            "mr": f"{'Mrs' if female else 'Mr'} {self._initial}.",
            "age": str(self._case.age),
        }

    def _numbers(self) -> dict[str, str | list[Piece]]:
        return {
            "famage": str(self._stream.integer(38, 79)),
            "mm": str(self._stream.integer(8, 58)),
            "vaf": str(self._stream.integer(8, 61)),
            "k": str(self._stream.integer(2, 14)),
            "cycles": str(self._stream.integer(2, 8)),
            "year": str(self._year),
        }

    def _background(self) -> dict[str, str | list[Piece]]:
        jobs = self._words["occupation"]
        return {
            "month": self._stream.pick(self._words["month"]),
            "comorb": self._stream.pick(self._illnesses()),
            "job": self._stream.pick(self._words["job"]),
            "occupation": self._stream.pick([job for job in jobs if self._suits_age(job)]),
            "presents": self._plain(self._case.entity.presents),
            "primary": self._plain(self._case.entity.primary),
        }

    def _illnesses(self) -> list[str]:
        """Return what the patient may have had before, as often as the word list has it."""
        names = [pair.split(" = ")[0] for pair in self._words["medication"]]
        is_young = self._case.age < _LATER_LIFE_FROM_YEARS
        return [name for name in names if not (is_young and name in _OF_LATER_LIFE)]

    def _suits_age(self, job: str) -> bool:
        is_over = job.startswith(("retired", "former"))
        if self._case.age >= _RETIREMENT_AGE_YEARS:
            return is_over
        return not is_over or self._case.age >= _EARLIEST_RETIREMENT_AGE_YEARS

    def _plain(self, frames: tuple[str, ...]) -> str:
        return text_of(self._writer.expand(self._stream.pick(frames), {}))
