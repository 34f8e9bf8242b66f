"""Fills slots: how a case's facts are written, each with the tag that carries its label."""

from __future__ import annotations

import re

from casebook.case import Alteration, Case, Event
from casebook.catalogue import Catalogue, site_label, treatment_entry
from casebook.grammar import Piece, Writer
from casebook.labels import METASTATIC_IS_IV, Tag, distractor
from extraction.vocabulary import vocabulary

_ORDINALS = {1: "first", 2: "second", 3: "third"}
_THREE_LETTERS = dict(
    zip("ARNDCQEGHILKMFPSTWYV", ["Ala", "Arg", "Asn", "Asp", "Cys", "Gln", "Glu", "Gly", "His", "Ile", "Leu", "Lys", "Met", "Phe", "Pro", "Ser", "Thr", "Trp", "Tyr", "Val"], strict=True)
)  # fmt: skip
_NEEDS_IMAGING = re.compile("radio|RECIST|metabolic|imaging|marked")
_INITIALS = "ABCDEFGHJKLMNPRSTW"


class Phrases:
    """The slots of one note about one case; every call draws afresh."""

    def __init__(self, case: Case, writer: Writer, data: Catalogue) -> None:
        self.case = case
        self.writer = writer
        self.stream = writer.stream
        self.data = data
        self._initial = self.stream.pick(_INITIALS)
        self._is_introduced = False
        self._year = self.stream.integer(2012, 2019)

    def advance(self) -> None:
        """Let a year pass, so that the dates of a course stand in their order."""
        self._year = min(self._year + 1, 2025)

    def words(self, name: str) -> str:
        """Return one entry of a word list."""
        return self.stream.pick(self.data.words[name])

    def person(self, is_telegraphic: bool) -> dict[str, str | list[Piece]]:
        """Return the slots about the patient and about time."""
        female = self.case.is_female
        pronoun = "she" if female else "he"
        subjects = [pronoun, pronoun, pronoun, "the patient"] if self._is_introduced else ["the patient", pronoun]
        self._is_introduced = True
        grades = self.case.entity.grades
        grade: dict[str, str | list[Piece]] = (
            {"grade": [Piece(self.stream.pick(grades), distractor("grade", ""))]} if grades else {}
        )
        return grade | {
            "S": "pt" if is_telegraphic else self.stream.pick(subjects),
            "his": "her" if female else "his",
            "him": "her" if female else "him",
            "man": self.stream.pick(
                ["woman", "woman", "lady", "female"] if female else ["man", "man", "gentleman", "male"]
            ),
            "mf": "F" if female else "M",
            "mr": f"{'Mrs' if female else 'Mr'} {self._initial}.",
            "age": str(self.case.age),
            "famage": str(self.stream.integer(38, 79)),
            "mm": str(self.stream.integer(8, 58)),
            "vaf": str(self.stream.integer(8, 61)),
            "k": str(self.stream.integer(2, 14)),
            "cycles": str(self.stream.integer(2, 8)),
            "year": str(self._year),
            "month": self.words("month"),
            "comorb": self.words("medication").split(" = ")[0],
            "job": self.words("job"),
            "occupation": self._occupation(),
            "presents": self._plain(self.stream.pick(self.case.entity.presents)),
            "primary": self._plain(self.stream.pick(self.case.entity.primary)),
        }

    def _plain(self, frame: str) -> str:
        return "".join(piece.text for piece in self.writer.expand(frame, {}))

    def _occupation(self) -> str:
        jobs = self.data.words["occupation"]
        return self.stream.pick([job for job in jobs if self.case.age < 67 or job.startswith(("retired", "former"))])

    def cancer(self) -> list[Piece]:
        """Return the name of the cancer."""
        barred = [
            word
            for event in self.case.events
            for part in event.treatment.parts
            for word in self.case.entity.conflicts.get(part, ())
        ]
        name = self._plain(self.stream.pick(self.case.entity.names))
        while any(word in name for word in barred):
            name = self._plain(self.stream.pick(self.case.entity.names))
        return [Piece(name, str(Tag("cancer_type", self.case.entity.label)))]

    def stage(self) -> list[Piece]:
        """Return the stage in one of its spellings."""
        stage = self.case.stage or ""
        return [Piece(self._stage_text(stage), str(Tag("stage", vocabulary("stage")[stage].label)))]

    def earlier_stage(self) -> list[Piece]:
        """Return the stage at first diagnosis, which the present one replaces."""
        stage = self.case.earlier_stage or ""
        return [Piece(self._stage_text(stage), distractor("superseded_stage", stage))]

    def _stage_text(self, stage: str) -> str:
        system = self.case.entity.system
        if stage in {"limited", "extensive"}:
            return f"{stage}{self.stream.pick(['-', ' '])}stage"
        if system == "FIGO" and self.stream.happens(0.5):
            return f"FIGO stage {stage}"
        if system in {"ISS", "R-ISS"}:
            return f"{self.stream.pick(['ISS', 'R-ISS'])} stage {stage}"
        if system == "Ann Arbor" and self.stream.happens(0.4):
            return f"Ann Arbor stage {stage}"
        arabic = {"I": "1", "II": "2", "III": "3", "IV": "4"}
        roman = re.match(r"IV|I{1,3}", stage)
        if roman and self.stream.happens(0.08):
            return f"stage {arabic[roman[0]]}{stage[roman.end() :]}"
        return (
            self.stream.weighted([(f"stage {stage}", 9), (f"AJCC stage {stage}", 1)])
            if system == "AJCC"
            else f"stage {stage}"
        )

    def metastatic(self) -> list[Piece]:
        """Return the word from which stage IV follows."""
        word = self.stream.weighted([("metastatic", 10), ("widely metastatic", 2), ("disseminated", 1)])
        return [Piece(word, str(Tag("stage", "IV", 0, METASTATIC_IS_IV)))]

    def sites(self, form: str) -> list[Piece]:
        """Return the metastatic sites as organs or as lesions."""
        pieces: list[list[Piece]] = []
        for order, site in enumerate(self.case.sites):
            forms = self.data.sites[site]
            rule = ""
            options = forms.lesion if form == "lesions" else forms.organ
            if form == "lesions" and forms.inferred and self.stream.happens(0.3):
                options, rule = forms.inferred, "organ-level-site"
            text = self._plain(self.stream.pick(options))
            pieces.append([Piece(text, str(Tag("metastasis_site", site_label(site), order, rule)))])
        return joined(pieces, self.stream.pick([" and ", " and ", " as well as "]) if form == "lesions" else " and ")

    def genes(self, chosen: list[tuple[int, Alteration]]) -> list[Piece]:
        """Return the alterations as noun phrases."""
        parts = [
            [Piece(self._alteration(item), str(Tag("gene_mutation", item.label, order)))] for order, item in chosen
        ]
        connective = self.stream.pick([" and ", " and ", " with co-occurring "])
        if connective.endswith("ing ") and len(parts) > 1 and parts[-1][0].text.startswith("@a "):
            parts[-1] = [Piece(parts[-1][0].text.removeprefix("@a "), parts[-1][0].tag)]
        return joined(parts, connective)

    def _alteration(self, item: Alteration) -> str:
        gene, change = item.gene, item.change
        if item.origin:
            return self.stream.pick(
                [f"@a {item.origin} {gene} pathogenic variant", f"a pathogenic {item.origin} {gene} variant",
                 f"@a {item.origin} {gene} mutation", f"{item.origin} {gene} mutation", f"a pathogenic {gene} variant ({item.origin})"]
            )  # fmt: skip
        return self.stream.pick(_alteration_forms(item.label, gene, change))

    def gene_adjective(self, chosen: list[tuple[int, Alteration]]) -> list[Piece] | None:
        """Return "EGFR L858R-mutant" or "ALK fusion-positive" for a single finding that can be said so."""
        if len(chosen) != 1:
            return None
        order, item = chosen[0]
        suffix = "-positive" if item.change == "fusion" else "-mutant"
        if item.origin or item.change in {"mutation", "amplification", "loss", "promoter mutation"}:
            return None
        return [Piece(item.label + suffix, str(Tag("gene_mutation", item.label, order)))]

    def results(self, indices: list[int]) -> list[Piece]:
        """Return biomarker results as a list of noun phrases."""
        parts = [[self.result(index, "np")] for index in indices]
        return joined(parts, ", " if self.stream.happens(0.5) else " and ")

    def result(self, index: int, form: str) -> Piece:
        """Return one biomarker result as a noun phrase (np) or a clause."""
        result = self.case.results[index]
        text = self._plain(self.stream.pick(getattr(result, form)))
        return Piece(text, str(Tag("biomarker", result.label, index, result.rule)))

    def event(self, event: Event, order: int) -> dict[str, list[Piece] | str]:
        """Return the slots of one step of the course."""
        tag = str(Tag("treatment", event.label, order))
        parts = event.treatment.parts
        with_radiation = str(Tag("treatment", event.label, order, "given-with-radiotherapy"))
        bare = [Piece(self.treatment_text(parts), tag)]
        drugs = tuple(part for part in parts if part != "radiotherapy")
        prefix = {
            "neoadjuvant": ["neoadjuvant", "neoadjuvant", "preoperative"],
            "adjuvant": ["adjuvant", "adjuvant", "postoperative"],
        }
        word = self.stream.pick(prefix.get(event.setting, [event.setting]))
        return {
            "t": bare,
            "nt": [Piece(f"{word} {bare[0].text}", tag)],
            "drugs": [Piece(self.treatment_text(drugs or parts), with_radiation)],
            "nth": self.stream.pick([_ORDINALS.get(event.line, "later"), f"{event.line or 1}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(event.line, 'th')}"]),
            "n": str(event.line or 1),
        }  # fmt: skip

    def treatment_text(self, parts: tuple[str, ...]) -> str:
        """Return the components of a treatment as a note writes them."""
        names = [self._treatment_name(part) for part in parts]
        if len(names) == 1:
            return names[0]
        style = self.stream.fraction()
        if style < 0.25:
            return (
                self.stream.pick(["/", "-", " + ", "/"]).join(names)
                if len(names) > 2
                else self.stream.pick(["/", " + "]).join(names)
            )
        if style < 0.55:
            return " plus ".join(names) if len(names) == 2 else ", ".join(names[:-1]) + " plus " + names[-1]
        return ", ".join(names[:-1]) + " and " + names[-1]

    def _treatment_name(self, part: str) -> str:
        try:
            entry = treatment_entry(part)
        except KeyError:
            return part
        brands = [name for name in entry.synonyms if name[:1].isupper() and " " not in name and not name.isupper()]
        if entry.kind == "drug" and brands and self.stream.happens(0.13):
            return self.stream.pick(brands)
        return part

    def response(self, state: str, order: float) -> list[Piece]:
        """Return a response state as a noun phrase."""
        forms = self.data.words[f"response_{state}"]
        if self.case.entity.scan == "scan_marrow":
            forms = tuple(form for form in forms if not _NEEDS_IMAGING.search(form))
        text = self._plain(self.stream.pick(forms))
        return [Piece(text, str(Tag("response", state, order)))]

    def verb(self, text: str, order: float) -> list[Piece]:
        """Return a verb that says progression."""
        return [Piece(text, str(Tag("response", "progression", order)))]


def joined(parts: list[list[Piece]], last: str) -> list[Piece]:
    """Return the parts as one list with commas and a last connective."""
    pieces: list[Piece] = []
    for index, part in enumerate(parts):
        if index:
            pieces.append(Piece(last if index == len(parts) - 1 else ", "))
        pieces.extend(part)
    return pieces


def _alteration_forms(label: str, gene: str, change: str) -> list[str]:
    if re.fullmatch(r"[A-Z]\d+[A-Z]", change):
        long = f"{_THREE_LETTERS[change[0]]}{change[1:-1]}{_THREE_LETTERS.get(change[-1], change[-1])}"
        protein = [f"{gene} p.{long}"] if change[-1] in _THREE_LETTERS else []
        return [label, label, f"{gene} p.{change}", f"{label} mutation", f"{gene} {change} mutation", *protein]
    if change == "fusion":
        pair = label.removesuffix(" fusion")
        if "-" in pair:
            return [label, f"{pair.replace('-', '::')} fusion", label]
        return [label, f"{gene} rearrangement", f"a fusion involving {gene}", f"{gene} gene fusion"]
    if change == "mutation":
        return [label, f"@a {gene} mutation", f"{gene} mutation", f"mutated {gene}"]
    if change == "amplification":
        return [label, f"amplification of {gene}", f"{gene} amplification", f"{gene} copy number gain (amplified)"]
    if change == "loss":
        return [label, f"loss of {gene}", f"{gene} loss", f"{gene} homozygous deletion" if gene == "CDKN2A" else label]
    if change.startswith("exon"):
        entry = vocabulary("gene_mutation")[label] if label in vocabulary("gene_mutation") else None
        return [label, label, *(entry.synonyms if entry else ())]
    return [label]
