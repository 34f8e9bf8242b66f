"""Draws one case from the laws of its entity: who, which tumour, which findings; the course is drawn by `course.py`."""

from __future__ import annotations

import re
from dataclasses import replace
from math import inf

from casebook.alterations import alteration
from casebook.case import Alteration, Case, Result
from casebook.catalogue import Catalogue, Entity, MarkerLaw
from casebook.course import draw_course
from casebook.streams import Stream
from casebook.treatments import is_allowed

SERUM_MARKERS = frozenset(
    {"PSA", "CEA", "CA-125", "CA19-9", "CA15-3", "CA27.29", "AFP", "LDH", "beta-hCG", "chromogranin A", "calcitonin"}
    | {"thyroglobulin", "M-protein", "beta-2 microglobulin"}
)
_TUMOUR_FREE = {"no evidence of disease", "pathologic complete response", "complete response", "biochemical recurrence"}
_MENOPAUSE_AGE_YEARS = 52
# No tumour without metastases raises its marker as far as this.
_MOST_WHEN_LOCALISED = {"CEA": 40.0, "CA19-9": 900.0, "PSA": 60.0}
_LYNCH = frozenset({"MLH1", "MSH2", "MSH6", "PMS2"})
_FLATTENING = 0.45
MARKER_ORDER = ("HER2", "ER", "PR", "PD-L1", "MSI", "TMB", "HRD")


def draw_case(number: int, seed: int, data: Catalogue) -> Case:
    """Return case `number` of a seed; the same arguments always give the same case."""
    stream = Stream(seed, "case", number)
    entity = stream.weighted([(entity, entity.weight) for entity in data.entities])
    alterations = _alterations(entity, stream)
    gene_flags = _gene_flags(alterations)
    laws = _marker_laws(entity, gene_flags, data, stream)
    results, flags = _results(laws, stream)
    flags |= gene_flags
    case = Case(
        number=number,
        entity=entity,
        age=stream.integer(*entity.age),
        is_female=stream.happens(entity.female),
        setting="",
        stage=None,
        earlier_stage=None,
        is_metastatic=False,
        alterations=alterations,
        untested=(),
        negative=(),
        results=tuple(sorted(results, key=_marker_rank)),
        events=(),
        sites=(),
        flags=frozenset(flags),
    )
    if case.is_female and case.age < _MENOPAUSE_AGE_YEARS:
        case = replace(case, flags=case.flags | {"PREMENOPAUSAL"})
    case = draw_course(_with_genes_tested(case, stream), Stream(seed, "course", number))
    return _with_resistance(_without_high_markers(case), stream)


def _without_high_markers(case: Case) -> Case:
    """Return the case without serum markers that its tumour cannot have raised, if any tumour is left at all."""
    if not case.is_metastatic:
        case = replace(case, results=tuple(result for result in case.results if not _is_too_high(result)))
    if not case.response or case.response[-1] not in _TUMOUR_FREE:
        return case
    return replace(case, results=tuple(result for result in case.results if result.marker not in SERUM_MARKERS))


def _is_too_high(result: Result) -> bool:
    """Return True for a number that only metastases account for."""
    number = re.search(r"\d+(?:\.\d+)?$", result.label.replace(",", ""))
    return number is not None and float(number[0]) > _MOST_WHEN_LOCALISED.get(result.marker, inf)


def _alterations(entity: Entity, stream: Stream) -> tuple[Alteration, ...]:
    found: list[Alteration] = []
    if entity.alterations and stream.happens(entity.alteration_share):
        found.append(alteration(stream.weighted(_flattened(entity.alterations))))
    if entity.companions and stream.happens(entity.companion_share):
        for name in stream.sample(list(entity.companions), 2 if stream.happens(0.3) else 1):
            companion = alteration(name)
            if companion.gene not in {other.gene for other in found}:
                found.append(companion)
    return tuple(found)


def _flattened(weights: dict[str, float]) -> list[tuple[str, float]]:
    """Return the law nearer to even: a training set must show rare findings more often than a clinic sees them."""
    return [(name, weight**_FLATTENING) for name, weight in weights.items()]


def _gene_flags(alterations: tuple[Alteration, ...]) -> set[str]:
    flags = set()
    for item in alterations:
        flags |= {item.gene, item.label.replace(" ", "_")}
        if item.gene == "EGFR" and "20" not in item.change:
            flags.add("EGFRSENS")
        if item.gene in {"BRCA1", "BRCA2"}:
            flags |= {"BRCA", "HRD"}
        if item.gene.startswith("NTRK"):
            flags.add("NTRK")
        if item.gene in _LYNCH and item.origin == "germline":
            flags.add("LYNCH")
        if item.label in {"BRAF V600E", "BRAF V600K", "BRAF V600R"}:
            flags.add("BRAFV600")
    return flags


def _marker_laws(entity: Entity, gene_flags: set[str], data: Catalogue, stream: Stream) -> list[MarkerLaw]:
    laws: list[MarkerLaw] = []
    profiles = [profile for profile in entity.profiles if _suits(profile[0], gene_flags, data)]
    if profiles:
        laws += [data.markers[name] for name in stream.weighted(profiles)]
    flags = frozenset(gene_flags | {law.flag for law in laws if law.flag})
    for name, share in entity.markers.items():
        law = data.markers[name.partition("|")[0].strip()]
        wanted = stream.happens(share)
        if wanted and is_allowed(name, flags) and law.marker not in {other.marker for other in laws}:
            laws.append(law)
    return laws


def _suits(profile: tuple[str, ...], gene_flags: set[str], data: Catalogue) -> bool:
    """Return False for a receptor profile without oestrogen receptors beside a mutation of their gene."""
    return "ESR1" not in gene_flags or any(data.markers[name].flag == "HR" for name in profile)


def _results(laws: list[MarkerLaw], stream: Stream) -> tuple[list[Result], set[str]]:
    results: list[Result] = []
    flags: set[str] = set()
    for law in laws:
        drawn = stream.weighted([(result, result.weight) for result in law.results])
        number = str(stream.pick(drawn.numbers)) if drawn.numbers else ""
        flags |= {flag for flag in (law.flag, drawn.flag) if flag}

        def fill(text: str, number: str = number) -> str:
            return text.replace("{n}", number)

        results.append(
            Result(
                law.marker, fill(drawn.label), tuple(map(fill, drawn.np)), tuple(map(fill, drawn.clause)), drawn.rule
            )
        )
    return results, flags


def _marker_rank(result: Result) -> int:
    return MARKER_ORDER.index(result.marker) if result.marker in MARKER_ORDER else len(MARKER_ORDER)


def _with_genes_tested(case: Case, stream: Stream) -> Case:
    found = {item.gene for item in case.alterations}
    also = {"ERBB2": "HER2", "NTRK1": "NTRK", "NTRK2": "NTRK", "NTRK3": "NTRK"}
    found |= {also[gene] for gene in found if gene in also}
    found |= {result.marker for result in case.results}
    free = [gene for gene in case.entity.tested if gene not in found]
    negative = stream.sample(free, stream.integer(1, 3))
    untested = [gene for gene in free if gene not in negative]
    return replace(case, negative=tuple(negative), untested=tuple(untested))


def _with_resistance(case: Case, stream: Stream) -> Case:
    lines = [event for event in case.events if event.setting == "line"]
    driver = case.alterations[0].gene if case.alterations else ""
    laws = case.entity.resistance.get(driver, {})
    sensitising = case.alterations and not re.search(r"insertion", case.alterations[0].change)
    if not laws or not sensitising or not lines or not lines[0].progressed or not stream.happens(0.35):
        return case
    second = alteration(stream.weighted(list(laws.items())))
    if second.gene in {item.gene for item in case.alterations[1:]}:
        return case
    negative = tuple(gene for gene in case.negative if gene != second.gene)
    head = case.alterations[0]
    untested = tuple(gene for gene in case.untested if gene != second.gene)
    found = (head, second, *case.alterations[1:])
    return replace(case, alterations=found, negative=negative, untested=untested)
