"""Decides which facts of a case a note states and writes each as a clause; the blocks it returns are not yet in order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from casebook.case import Case, Event
from casebook.catalogue import Catalogue
from casebook.draw import SERUM_MARKERS
from casebook.grammar import FrameError, Piece, Slots, Writer, sentence, slots_of, text_of
from casebook.phrases import Phrases
from casebook.streams import digest_fraction

HELD_OUT_SHARE = 0.15
BLOCKS = ("opening", "staging", "findings", "course", "status", "extras")
_INFERRED = {
    "partial response": "shrinkage",
    "complete response": "disappearance",
    "stable disease": "stability",
    "progression": "growth",
    "mixed response": "mixed",
    "no evidence of disease": "clear",
    "pathologic complete response": "sterilised",
    "biochemical recurrence": "psa_rise",
}
_RESPONSE_KIND = {
    "no evidence of disease": "response_free",
    "biochemical recurrence": "response_biochemical",
    "pathologic complete response": "response_pathologic",
}


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
        self.phrases = Phrases(case, writer, data)
        self.draft = Draft()
        self.styles = styles
        self.is_telegraphic = "tele" in styles
        self.is_training = is_training

    def add(self, block: str, kind: str, slots: Slots, tag: str = "") -> None:
        """Write one clause of a kind into a block; with a tag, all of its own words carry it."""
        if block == "course":
            self.phrases.advance()
        values: dict[str, str | list[Piece]] = {**self.phrases.person(self.is_telegraphic), **slots}
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


def write_facts(clauses: Clauses) -> None:
    """Write the clauses about the cancer, its findings, its course and its present state."""
    case, stream = clauses.case, clauses.stream
    stage_mode = _stage_mode(clauses)
    shows_sites = bool(case.sites) and stream.happens(0.93)
    is_fused = _opening(clauses, stage_mode, shows_sites)
    if stage_mode == "explicit" and is_fused != "stage":
        kind = "stage_now" if case.setting == "recurrent" else "stage"
        clauses.add("status" if kind == "stage_now" else "staging", kind, _stage_slots(clauses))
    if shows_sites and is_fused != "sites" and case.setting != "recurrent":
        _sites(clauses)
    elif case.is_metastatic and stage_mode == "inferred" and not is_fused and case.setting != "recurrent":
        clauses.add("staging", "metastatic_only", {"metastatic": clauses.phrases.metastatic()})
    if not _genes_with_markers(clauses):
        _genes(clauses)
        _markers(clauses)
    _course(clauses, shows_sites)


def _stage_mode(clauses: Clauses) -> str:
    case, stream = clauses.case, clauses.stream
    if case.stage is None:
        return "none"
    if case.entity.states_stage:
        return "explicit"
    if case.is_metastatic:
        return "explicit" if stream.happens(0.45 if case.setting == "recurrent" else 0.66) else "inferred"
    return "explicit" if stream.happens(0.7) else "none"


def _stage_slots(clauses: Clauses) -> dict[str, list[Piece] | str]:
    case = clauses.case
    slots: dict[str, list[Piece] | str] = {"stage": clauses.phrases.stage()}
    groups = case.entity.tnm.get(case.stage or "")
    if groups:
        slots["tnm"] = clauses.stream.pick(groups)
    return slots


def _opening(clauses: Clauses, stage_mode: str, shows_sites: bool) -> str:
    case, stream, phrases = clauses.case, clauses.stream, clauses.phrases
    name = phrases.cancer()
    fused = ""
    if case.setting != "recurrent":
        if stage_mode == "explicit" and stream.happens(0.55):
            name, fused = _with_stage(clauses, name), "stage"
        elif stage_mode == "inferred" and shows_sites and stream.happens(0.5):
            middle = Piece(stream.pick([" metastatic to the ", " with metastases to the ", " with spread to the "]))
            name, fused = [*name, middle, *phrases.sites("organs")], "sites"
        elif stage_mode == "inferred":
            name, fused = [*phrases.metastatic(), Piece(" "), *name], "metastatic"
        elif stage_mode == "none" and case.stage in {"III", "IIIA", "IIIB", "IIIC"} and stream.happens(0.5):
            name = [Piece("locally advanced "), *name]
    clauses.add("opening", "opening", {"cancer": name})
    return fused


def _with_stage(clauses: Clauses, name: list[Piece]) -> list[Piece]:
    stage = clauses.phrases.stage()
    forms = ["before", "before", "brackets"]
    form = clauses.stream.pick([*forms, "after"] if clauses.is_telegraphic else forms)
    if form == "before":
        return [*stage, Piece(" "), *name]
    return [*name, Piece(", "), *stage] if form == "after" else [*name, Piece(" ("), *stage, Piece(")")]


def _sites(clauses: Clauses) -> None:
    form = clauses.stream.pick(["lesions", "lesions", "organs"])
    sites = clauses.phrases.sites(form)
    slots: Slots = {"lesions": sites} if form == "lesions" else {"organs": sites, "organs_bare": sites}
    clauses.add("staging", "sites", slots)


def _genes(clauses: Clauses) -> None:
    found = list(enumerate(clauses.case.alterations))
    if not found or not clauses.stream.happens(0.96):
        return
    germline = [(order, item) for order, item in found if item.origin == "germline"]
    tumour = [(order, item) for order, item in found if item.origin != "germline"]
    if germline:
        clauses.add("findings", "gene_germline", {"genes": clauses.phrases.genes(germline), "were": _were(germline)})
    if tumour:
        slots: dict[str, list[Piece] | str] = {"genes": clauses.phrases.genes(tumour), "were": _were(tumour)}
        adjective = clauses.phrases.gene_adjective(tumour)
        if adjective:
            slots["gene_adj"] = adjective
        clauses.add("findings", "gene", slots)


def _genes_with_markers(clauses: Clauses) -> bool:
    """Write alterations and results in one clause where that is natural; return True when it was done."""
    case, stream = clauses.case, clauses.stream
    is_short = case.alterations and case.results and len(case.alterations) + len(case.results) <= 4
    is_short = is_short and not any(result.marker in SERUM_MARKERS for result in case.results)
    if not is_short or any(item.origin == "germline" for item in case.alterations) or not stream.happens(0.25):
        return False
    genes = clauses.phrases.genes(list(enumerate(case.alterations)))
    clauses.add(
        "findings",
        "gene_and_marker",
        {"genes": genes, "results": clauses.phrases.results(list(range(len(case.results))))},
    )
    return True


def _were(things: Sequence[object]) -> str:
    return "was" if len(things) == 1 else "were"


def _markers(clauses: Clauses) -> None:
    serum = [index for index, result in enumerate(clauses.case.results) if result.marker in SERUM_MARKERS]
    tissue = [index for index in range(len(clauses.case.results)) if index not in serum]
    for kind, indices in (("marker", tissue), ("marker_serum", serum)):
        if indices and clauses.stream.happens(0.96):
            _results(clauses, kind, indices)


def _results(clauses: Clauses, kind: str, indices: list[int]) -> None:
    if len(indices) <= 2 and clauses.stream.happens(0.4) and not clauses.is_telegraphic:
        for index in indices:
            clauses.add("findings", kind, {"result_clause": [clauses.phrases.result(index, "clause")]})
        return
    clauses.add("findings", kind, {"results": clauses.phrases.results(indices)})


def _course(clauses: Clauses, shows_sites: bool) -> None:
    case, stream = clauses.case, clauses.stream
    tells_course = bool(case.events) and stream.happens(0.97)
    tells_response = bool(case.response) and stream.happens(0.95)
    lines = [event for event in case.events if event.line and event.setting == "line"]
    relapse_told = case.setting != "recurrent"
    is_status_told = False
    for order, event in enumerate(case.events):
        if not relapse_told and event.setting in {"line", "local"}:
            _relapse(clauses, shows_sites)
            relapse_told = True
        if tells_course:
            is_last = bool(lines) and event is lines[-1]
            is_status_told |= _event(clauses, event, order, is_last, tells_response)
    if not relapse_told:
        _relapse(clauses, shows_sites)
    if tells_response and not is_status_told:
        _status(clauses, lines)


def _relapse(clauses: Clauses, shows_sites: bool) -> None:
    phrases = clauses.phrases
    slots: dict[str, list[Piece] | str] = {
        "recurred": phrases.verb(clauses.stream.pick(["recurred", "relapsed"]), 0.5),
        "recurrence": phrases.verb(clauses.stream.pick(["recurrence", "relapse"]), 0.5),
        "metastatic": phrases.metastatic(),
    }
    if shows_sites:
        form = clauses.stream.pick(["lesions", "organs"])
        slots[form] = phrases.sites(form)
    clauses.add("course", "relapse" if shows_sites else "relapse_bare", slots)


def _event(clauses: Clauses, event: Event, order: int, is_last: bool, tells_response: bool) -> bool:
    """Write one step of the course; return True when its clause also told the present response."""
    phrases, stream = clauses.phrases, clauses.stream
    slots: dict[str, list[Piece] | str] = dict(phrases.event(event, order))
    if event.setting != "line":
        clauses.add("status" if event.setting == "planned" else "course", event.setting, slots)
        return False
    slots |= _progression_slots(clauses, event.line + 0.5)
    if event.best:
        slots["best"] = phrases.response(event.best, event.line)
    if (
        is_last
        and event.best
        and not event.progressed
        and tells_response
        and len(clauses.case.response) == 1
        and stream.happens(0.25)
    ):
        last = clauses.case.response[0]
        clauses.add("course", "line_with_response", slots | {"r": phrases.response(last, event.line + 0.5)})
        return True
    if not event.progressed or not tells_response:
        clauses.add("course", "line_current" if is_last and not event.progressed else "line_past", slots)
        return False
    if is_last and stream.happens(0.5):
        clauses.add("course", "line_past", slots)
        return False
    kind = "line_response_past" if event.best and (is_last or stream.happens(0.25)) else "line_progressed"
    if kind == "line_progressed" and not is_last and stream.happens(0.3):
        kind = "line_past"
    clauses.add("course", kind, slots)
    return is_last


def _progression_slots(clauses: Clauses, order: float) -> dict[str, list[Piece] | str]:
    verb = clauses.phrases.verb
    return {
        "progressed": verb("progressed", order),
        "progressed_bare": verb("progressed", order),
        "progression": verb(clauses.stream.pick(["progression", "disease progression", "progressive disease"]), order),
    }


def _status(clauses: Clauses, lines: list[Event]) -> None:
    case, stream = clauses.case, clauses.stream
    order = float(lines[-1].line if lines else 0)
    last = case.response[-1]
    if len(case.response) == 2:
        slots: dict[str, list[Piece] | str] = {
            "best": clauses.phrases.response(case.response[0], order),
            "r": clauses.phrases.response(last, order + 0.5),
            "progressed": clauses.phrases.verb("progressed", order + 0.5),
        }
        clauses.add("status", "best_then_progression", slots)
        return
    order += 0.5
    rule = _INFERRED.get(last)
    if rule and case.setting == "resected" and last == "partial response":
        rule = ""
    if rule and case.entity.scan != "scan_marrow" and stream.happens(0.24):
        clauses.add("status", f"inferred_{rule}", {}, tag=f"response|{last}|{order:g}|{rule}")
        return
    kind = _RESPONSE_KIND.get(last, "response")
    if case.setting == "resected" and kind == "response":
        kind = "response_neoadjuvant"
    clauses.add("status", kind, {"r": clauses.phrases.response(last, order)})
