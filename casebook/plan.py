"""Decides which facts of a case a note states, alone or several in one clause; the order of clauses comes later."""

from __future__ import annotations

from collections.abc import Sequence

from casebook.case import Alteration
from casebook.clauses import Clauses, SlotValues
from casebook.course_clauses import Telling, write_course
from casebook.draw import SERUM_MARKERS
from casebook.grammar import Piece

_LOCALLY_ADVANCED = frozenset({"III", "IIIA", "IIIB", "IIIC"})
_MAX_JOINED = 4
_OPENING_SHARE = 0.55
_PAIR_SHARE = 0.4

# Kinds of clauses that state several facts; the facts are those of `_Facts.open`.
OPENINGS: tuple[tuple[str, frozenset[str]], ...] = (
    ("opening_with_stage", frozenset({"stage"})),
    ("opening_with_sites", frozenset({"sites"})),
    ("opening_with_gene", frozenset({"genes"})),
    ("opening_with_marker", frozenset({"markers"})),
    ("opening_with_stage_and_gene", frozenset({"stage", "genes"})),
    ("opening_with_stage_and_sites", frozenset({"stage", "sites"})),
    ("opening_with_stage_and_marker", frozenset({"stage", "markers"})),
)
PAIRS: tuple[tuple[str, str, frozenset[str]], ...] = (
    ("stage_with_sites", "staging", frozenset({"stage", "sites"})),
    ("stage_with_gene", "opening", frozenset({"stage", "genes"})),
    ("sites_with_gene", "opening", frozenset({"sites", "genes"})),
    ("sites_with_marker", "opening", frozenset({"sites", "markers"})),
    ("gene_and_marker", "findings", frozenset({"genes", "markers"})),
)


def write_facts(clauses: Clauses) -> None:
    """Write the clauses about the cancer, its findings, its course and its present state."""
    facts = _Facts(clauses)
    _opening(facts)
    telling = facts.telling()
    while (pairs := facts.pairs()) and clauses.stream.happens(_PAIR_SHARE + clauses.brevity):
        kind, block, wanted = clauses.stream.pick(pairs)
        clauses.add(block, kind, facts.slots(wanted))
        facts.open -= wanted
    facts.tell_the_rest()
    write_course(clauses, telling)


class _Facts:
    """What a note is going to say of stage, sites, alterations and results; `open` names what is still unsaid."""

    def __init__(self, clauses: Clauses) -> None:
        case, stream = clauses.case, clauses.stream
        self.clauses = clauses
        self.stage_mode = _stage_mode(clauses)
        self.shows_sites = bool(case.sites) and stream.happens(0.95)
        self.is_recurrent = case.setting == "recurrent"
        found = list(enumerate(case.alterations)) if stream.happens(0.92 - 0.05 * clauses.brevity) else []
        self.germline = [(order, item) for order, item in found if item.origin == "germline"]
        self.tumour = [(order, item) for order, item in found if item.origin != "germline"]
        told = list(range(len(case.results))) if stream.happens(0.99) else []
        self.serum = [index for index in told if case.results[index].marker in SERUM_MARKERS]
        self.tissue = [index for index in told if index not in self.serum]
        self.open = self._open()

    def _open(self) -> set[str]:
        facts = set()
        if not self.is_recurrent:
            facts |= {"stage"} if self.stage_mode == "explicit" else set()
            facts |= {"sites"} if self.shows_sites else set()
        facts |= {"genes"} if self.tumour and not self.germline else set()
        facts |= {"markers"} if 0 < len(self.tissue) <= _MAX_JOINED - len(self.tumour) else set()
        return facts

    def pairs(self) -> list[tuple[str, str, frozenset[str]]]:
        """Return the kinds of clauses that state two facts which are both unsaid."""
        return [pair for pair in PAIRS if pair[2] <= self.open and self.clauses.has_manner_for(pair[0])]

    def slots(self, wanted: frozenset[str]) -> SlotValues:
        """Return the slots of a clause that states these facts."""
        slots: SlotValues = {}
        if "stage" in wanted:
            slots |= _stage_slots(self.clauses)
        if "sites" in wanted:
            slots |= _site_slots(self.clauses)
        if "genes" in wanted:
            slots |= _gene_slots(self.clauses, self.tumour)
        if "markers" in wanted:
            slots["results"] = self.clauses.phrases.results(self.tissue)
        return slots

    def telling(self) -> Telling:
        """Return what the course has to say; it may take over the stage that surgery established."""
        case, stream = self.clauses.case, self.clauses.stream
        tells_course = bool(case.events) and stream.happens(0.98)
        is_surgical = bool(case.events) and case.events[0].setting == "surgery" and "stage" in self.open
        takes_stage = tells_course and is_surgical and stream.happens(0.45)
        self.open -= {"stage"} if takes_stage else set()
        return Telling(
            shows_sites=self.shows_sites,
            tells_course=tells_course,
            tells_past=stream.happens(1.0 - 0.8 * self.clauses.brevity),
            surgical_stage=_stage_slots(self.clauses) if takes_stage else {},
        )

    def tell_the_rest(self) -> None:
        """Write one clause for each fact that no other clause has stated."""
        clauses = self.clauses
        if self.is_recurrent and self.stage_mode == "explicit":
            clauses.add("status", "stage_now", _stage_slots(clauses))
        if "stage" in self.open:
            clauses.add("staging", "stage", _stage_slots(clauses))
        if "sites" in self.open:
            clauses.add("staging", "sites", _site_slots(clauses))
        self._genes()
        self._markers()

    def _genes(self) -> None:
        if self.germline:
            self.clauses.add("findings", "gene_germline", _gene_slots(self.clauses, self.germline))
        if self.tumour and ("genes" in self.open or self.germline):
            self.clauses.add("findings", "gene", _gene_slots(self.clauses, self.tumour))

    def _markers(self) -> None:
        is_many = len(self.tissue) > _MAX_JOINED - len(self.tumour)
        if self.tissue and ("markers" in self.open or is_many):
            _results(self.clauses, "marker", self.tissue)
        if self.serum:
            _results(self.clauses, "marker_serum", self.serum)


def _stage_mode(clauses: Clauses) -> str:
    case, stream = clauses.case, clauses.stream
    if case.stage is None:
        return "none"
    if case.entity.states_stage:
        return "explicit"
    if case.is_metastatic:
        return "explicit" if stream.happens(0.6 if case.setting == "recurrent" else 0.76) else "inferred"
    return "explicit" if stream.happens(0.6) else "none"


def _stage_slots(clauses: Clauses) -> SlotValues:
    case = clauses.case
    slots: SlotValues = {"stage": clauses.phrases.stage()}
    groups = case.entity.tnm.get(case.stage or "")
    if groups:
        slots["tnm"] = clauses.stream.pick(groups)
    return slots


def _site_slots(clauses: Clauses) -> SlotValues:
    form = clauses.stream.pick(["lesions", "lesions", "organs"])
    sites = clauses.phrases.sites(form)
    return {"lesions": sites} if form == "lesions" else {"organs": sites, "organs_bare": sites}


def _gene_slots(clauses: Clauses, chosen: list[tuple[int, Alteration]]) -> SlotValues:
    slots: SlotValues = {"genes": clauses.phrases.genes(chosen), "were": "was" if len(chosen) == 1 else "were"}
    adjective = clauses.phrases.gene_adjective(chosen)
    if adjective:
        slots["gene_adj"] = adjective
    return slots


def _opening(facts: _Facts) -> None:
    """Write the opening, with as many further facts as the note cares to state at once."""
    clauses = facts.clauses
    fused = [entry for entry in OPENINGS if entry[1] <= facts.open and clauses.has_manner_for(entry[0])]
    kind, wanted = "opening", frozenset[str]()
    if fused and clauses.stream.happens(_OPENING_SHARE + clauses.brevity):
        kind, wanted = clauses.stream.pick(fused)
    facts.open -= wanted
    name = clauses.phrases.cancer()
    if not facts.is_recurrent:
        name = _with_extent(facts, name, wanted)
    clauses.add("opening", kind, {**facts.slots(wanted), "cancer": name})


def _with_extent(facts: _Facts, name: list[Piece], stated: frozenset[str]) -> list[Piece]:
    """Return the name of the cancer with stage, sites or "metastatic", unless the clause says its extent anyway."""
    stream, mode = facts.clauses.stream, facts.stage_mode
    if mode == "explicit" and "stage" in facts.open and stated.isdisjoint({"sites"}) and stream.happens(0.4):
        facts.open.discard("stage")
        return _with_stage(facts.clauses, name)
    if mode == "inferred":
        return _spread(facts, name)
    case = facts.clauses.case
    is_local = case.stage in _LOCALLY_ADVANCED and not case.entity.is_blood_cancer
    if mode == "none" and is_local and stream.happens(0.5):
        return [Piece("locally advanced "), *name]
    return name


def _spread(facts: _Facts, name: list[Piece]) -> list[Piece]:
    """Return the name of a cancer whose stage follows from its spread alone; the spread may be said elsewhere."""
    stream, phrases = facts.clauses.stream, facts.clauses.phrases
    if "sites" in facts.open and stream.happens(0.4):
        facts.open.discard("sites")
        middle = Piece(stream.pick([" metastatic to the ", " with metastases to the ", " with spread to the "]))
        return [*name, middle, *phrases.sites("organs")]
    if facts.shows_sites and stream.happens(0.4):
        return name
    if not facts.shows_sites and stream.happens(0.3):
        facts.clauses.add("staging", "metastatic_only", {"metastatic": phrases.metastatic()})
        return name
    return [*phrases.metastatic(), Piece(" "), *name]


def _with_stage(clauses: Clauses, name: list[Piece]) -> list[Piece]:
    stage = clauses.phrases.stage()
    forms = ["before", "before", "brackets"]
    form = clauses.stream.pick([*forms, "after"] if clauses.is_telegraphic else forms)
    if form == "before":
        return [*stage, Piece(" "), *name]
    return [*name, Piece(", "), *stage] if form == "after" else [*name, Piece(" ("), *stage, Piece(")")]


def _results(clauses: Clauses, kind: str, indices: Sequence[int]) -> None:
    if len(indices) <= 2 and clauses.stream.happens(0.3) and not clauses.is_telegraphic:
        for index in indices:
            clauses.add("findings", kind, {"result_clause": [clauses.phrases.result(index, "clause")]})
        return
    clauses.add("findings", kind, {"results": clauses.phrases.results(list(indices))})
