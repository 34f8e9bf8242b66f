"""Fills slots with facts: how findings and treatments are written, each with the tag that carries its label."""

from __future__ import annotations

import re
from functools import cache

from casebook.alterations import alteration_forms
from casebook.case import Alteration, Case, Event
from casebook.catalogue import Catalogue, site_label, treatment_entry
from casebook.grammar import Piece, Writer, text_of
from casebook.labels import METASTATIC_IS_IV, Tag, distractor
from casebook.treatments import is_given_in_cycles, is_oral
from extraction.vocabulary import vocabulary

_ORDINALS = {0: ("later", "1st"), 1: ("first", "1st"), 2: ("second", "2nd"), 3: ("third", "3rd")}
_ARABIC = {"I": "1", "II": "2", "III": "3", "IV": "4"}
_INTENT_WORDS = {
    "neoadjuvant": ["neoadjuvant", "neoadjuvant", "preoperative"],
    "adjuvant": ["adjuvant", "adjuvant", "postoperative"],
}
_BRAND_SHARE = 0.16
_PART_OF_ORGAN_SHARE = 0.43
_ONE_TIME_KINDS = frozenset({"transplant", "cell_therapy", "operation", "operation_category", "local", "radiation"})
_OF_THE_TRUNK = re.compile("RECIST|metabolic")
_HOTSPOT = re.compile(r"[A-Z]\d+(?:[A-Z*]|fs)?")
_NEEDS_IMAGING = re.compile("radio|RECIST|metabolic|imaging|marked")


class Phrases:
    """The facts of one case as noun phrases; every call draws afresh."""

    def __init__(self, case: Case, writer: Writer, data: Catalogue) -> None:
        self.case = case
        self.writer = writer
        self.stream = writer.stream
        self.data = data

    def words(self, name: str) -> str:
        """Return one entry of a word list."""
        return self.stream.pick(self.data.words[name])

    def _plain(self, frame: str) -> str:
        return text_of(self.writer.expand(frame, {}))

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
        if stage in {"limited", "extensive"}:
            return f"{stage}{self.stream.pick(['-', ' '])}stage"
        system = self.case.entity.system
        if system == "FIGO" and self.stream.happens(0.5):
            return f"FIGO stage {stage}"
        if system == "ISS":
            return f"{self.stream.pick(['ISS', 'R-ISS'])} stage {stage}"
        if system == "Ann Arbor" and self.stream.happens(0.4):
            return f"Ann Arbor stage {stage}"
        roman = re.match(r"IV|I{1,3}", stage)
        if roman and self.stream.happens(0.08):
            return f"stage {_ARABIC[roman[0]]}{stage[roman.end() :]}"
        is_ajcc = system == "AJCC" and self.stream.weighted([(False, 9), (True, 1)])
        return f"AJCC stage {stage}" if is_ajcc else f"stage {stage}"

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
            if form == "lesions" and forms.inferred and self.stream.happens(_PART_OF_ORGAN_SHARE):
                options, rule = forms.inferred, "organ-level-site"
            text = self._plain(self.stream.pick(options))
            pieces.append([Piece(text, str(Tag("metastasis_site", site_label(site), order, rule)))])
        return joined(pieces, self.stream.pick([" and ", " and ", " as well as "]) if form == "lesions" else " and ")

    def genes(self, chosen: list[tuple[int, Alteration]]) -> list[Piece]:
        """Return the alterations as noun phrases."""
        parts = [
            [Piece(self.stream.pick(alteration_forms(item)), str(Tag("gene_mutation", item.label, order)))]
            for order, item in chosen
        ]
        connective = self.stream.pick([" and ", " and ", " with co-occurring "])
        connective = connective if len(parts) == 2 else " and "
        if connective.endswith("ing ") and parts[-1][0].text.startswith("@a "):
            parts[-1] = [Piece(parts[-1][0].text.removeprefix("@a "), parts[-1][0].tag)]
        return joined(parts, connective)

    def gene_adjective(self, chosen: list[tuple[int, Alteration]]) -> list[Piece] | None:
        """Return "EGFR L858R-mutant" or "ALK fusion-positive" for a single finding that can be said so."""
        if len(chosen) != 1:
            return None
        order, item = chosen[0]
        suffix = "-mutant" if _HOTSPOT.fullmatch(item.change) else "-positive"
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
        whole = self.treatment_text(parts)
        drugs = tuple(part for part in parts if part != "radiotherapy")
        intent = self.stream.pick(_INTENT_WORDS.get(event.setting, [event.setting]))
        with_radiation = str(Tag("treatment", event.label, order, "given-with-radiotherapy"))
        slots: dict[str, list[Piece] | str] = {}
        if is_given_in_cycles(parts):
            slots |= {"cycled": [Piece(whole, tag)], "ncycled": [Piece(f"{intent} {whole}", tag)]}
        if is_oral(parts):
            slots["oral"] = [Piece(whole, tag)]
        with_intent = [Piece(f"{intent} {whole}", tag)]
        if is_given_once(event.treatment.parts):
            slots["once"] = [Piece(whole, tag)]
        else:
            slots |= {"rx": [Piece(whole, tag)], "nrx": with_intent}
        return slots | {
            "t": [Piece(whole, tag)],
            "nt": with_intent,
            "drugs": [Piece(self.treatment_text(drugs or parts), with_radiation)],
            "nth": self.stream.pick(_ORDINALS[event.line]),
            "n": str(event.line or 1),
        }

    def treatment_text(self, parts: tuple[str, ...]) -> str:
        """Return the components of a treatment as a note writes them."""
        names = [self._treatment_name(part) for part in parts]
        if len(names) == 1:
            return names[0]
        style = self.stream.fraction()
        if style < 0.25:
            return self.stream.pick(["/", "-", " + ", "/"] if len(names) > 2 else ["/", " + "]).join(names)
        last = " plus " if style < 0.55 else " and "
        return ", ".join(names[:-1]) + last + names[-1]

    def _treatment_name(self, part: str) -> str:
        try:
            entry = treatment_entry(part)
        except KeyError:
            return part
        brands = [name for name in entry.synonyms if name[:1].isupper() and " " not in name and not name.isupper()]
        if entry.kind == "drug" and brands and self.stream.happens(_BRAND_SHARE):
            return self.stream.pick(brands)
        return part

    def response(self, state: str, order: float) -> list[Piece]:
        """Return a response state as a noun phrase."""
        forms = self.data.words[f"response_{state}"]
        if self.case.entity.scan == "scan_marrow":
            forms = tuple(form for form in forms if not _NEEDS_IMAGING.search(form))
        if self.case.entity.scan == "scan_brain":
            forms = tuple(form for form in forms if not _OF_THE_TRUNK.search(form))
        text = self._plain(self.stream.pick(forms))
        return [Piece(text, str(Tag("response", state, order)))]

    def verb(self, text: str, order: float) -> list[Piece]:
        """Return a verb that says progression."""
        return [Piece(text, str(Tag("response", "progression", order)))]


def is_given_once(parts: tuple[str, ...]) -> bool:
    """Return True for an operation, a transplant and the like, which nobody is "on"."""
    return "tumor treating fields" not in parts and bool({_kind_of(part) for part in parts} & _ONE_TIME_KINDS)


@cache
def _kind_of(part: str) -> str | None:
    try:
        return treatment_entry(part).kind
    except KeyError:
        return None


def joined(parts: list[list[Piece]], last: str) -> list[Piece]:
    """Return the parts as one list with commas and a last connective."""
    pieces: list[Piece] = []
    for index, part in enumerate(parts):
        if index:
            pieces.append(Piece(last if index == len(parts) - 1 else ", "))
        pieces.extend(part)
    return pieces
