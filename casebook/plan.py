"""Decides which facts of a case a note states and writes each as a clause; the clauses are not yet in their order."""

from __future__ import annotations

from collections.abc import Sequence

from casebook.clauses import Clauses, SlotValues
from casebook.course_clauses import write_course
from casebook.draw import SERUM_MARKERS
from casebook.grammar import Piece, Slots

_LOCALLY_ADVANCED = frozenset({"III", "IIIA", "IIIB", "IIIC"})
_MAX_JOINED = 4


def write_facts(clauses: Clauses) -> None:
    """Write the clauses about the cancer, its findings, its course and its present state."""
    case, stream = clauses.case, clauses.stream
    stage_mode = _stage_mode(clauses)
    shows_sites = bool(case.sites) and stream.happens(0.93)
    fused = _opening(clauses, stage_mode, shows_sites)
    if stage_mode == "explicit" and fused != "stage":
        kind = "stage_now" if case.setting == "recurrent" else "stage"
        clauses.add("status" if kind == "stage_now" else "staging", kind, _stage_slots(clauses))
    if shows_sites and fused != "sites" and case.setting != "recurrent":
        _sites(clauses)
    elif case.is_metastatic and stage_mode == "inferred" and not fused and case.setting != "recurrent":
        clauses.add("staging", "metastatic_only", {"metastatic": clauses.phrases.metastatic()})
    if not _genes_with_markers(clauses):
        _genes(clauses)
        _markers(clauses)
    write_course(clauses, shows_sites)


def _stage_mode(clauses: Clauses) -> str:
    case, stream = clauses.case, clauses.stream
    if case.stage is None:
        return "none"
    if case.entity.states_stage:
        return "explicit"
    if case.is_metastatic:
        return "explicit" if stream.happens(0.45 if case.setting == "recurrent" else 0.66) else "inferred"
    return "explicit" if stream.happens(0.7) else "none"


def _stage_slots(clauses: Clauses) -> SlotValues:
    case = clauses.case
    slots: SlotValues = {"stage": clauses.phrases.stage()}
    groups = case.entity.tnm.get(case.stage or "")
    if groups:
        slots["tnm"] = clauses.stream.pick(groups)
    return slots


def _opening(clauses: Clauses, stage_mode: str, shows_sites: bool) -> str:
    """Write the opening; return which fact besides the cancer it states: stage, sites, metastatic or nothing."""
    name, fused = clauses.phrases.cancer(), ""
    if clauses.case.setting != "recurrent":
        name, fused = _with_extent(clauses, name, stage_mode, shows_sites)
    clauses.add("opening", "opening", {"cancer": name})
    return fused


def _with_extent(clauses: Clauses, name: list[Piece], stage_mode: str, shows_sites: bool) -> tuple[list[Piece], str]:
    stream, phrases = clauses.stream, clauses.phrases
    if stage_mode == "explicit" and stream.happens(0.55):
        return _with_stage(clauses, name), "stage"
    if stage_mode == "inferred" and shows_sites and stream.happens(0.5):
        middle = Piece(stream.pick([" metastatic to the ", " with metastases to the ", " with spread to the "]))
        return [*name, middle, *phrases.sites("organs")], "sites"
    if stage_mode == "inferred":
        return [*phrases.metastatic(), Piece(" "), *name], "metastatic"
    if stage_mode == "none" and clauses.case.stage in _LOCALLY_ADVANCED and stream.happens(0.5):
        return [Piece("locally advanced "), *name], ""
    return name, ""


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
        slots: SlotValues = {"genes": clauses.phrases.genes(tumour), "were": _were(tumour)}
        adjective = clauses.phrases.gene_adjective(tumour)
        if adjective:
            slots["gene_adj"] = adjective
        clauses.add("findings", "gene", slots)


def _genes_with_markers(clauses: Clauses) -> bool:
    """Write alterations and results in one clause where that is natural; return True when it was done."""
    case = clauses.case
    is_natural = (
        0 < len(case.alterations) < len(case.alterations) + len(case.results) <= _MAX_JOINED
        and not any(result.marker in SERUM_MARKERS for result in case.results)
        and not any(item.origin == "germline" for item in case.alterations)
    )
    if not is_natural or not clauses.stream.happens(0.25):
        return False
    genes = clauses.phrases.genes(list(enumerate(case.alterations)))
    results = clauses.phrases.results(list(range(len(case.results))))
    clauses.add("findings", "gene_and_marker", {"genes": genes, "results": results})
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
