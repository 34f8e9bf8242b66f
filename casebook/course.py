"""The timeline machine: from diagnosis through surgery and adjuvant therapy to recurrence and the lines that follow.

`problems` is the validator: it says what is clinically impossible in a case, whoever drew it.
"""

from __future__ import annotations

from dataclasses import replace

from casebook.case import Case, Event
from casebook.staging import fitting_stage
from casebook.streams import Stream
from casebook.treatments import has_target, is_allowed, treatment

PROGRESSION = "progression"
NO_EVIDENCE = "no evidence of disease"
COMPLETE_PATHOLOGIC = "pathologic complete response"

_LINE_RESPONSES = {
    1: (("partial response", 42), ("stable disease", 18), ("complete response", 5), ("near-complete response", 4),
        ("mixed response", 9), (PROGRESSION, 8)),
    2: (("partial response", 28), ("stable disease", 30), ("complete response", 1), ("mixed response", 12),
        (PROGRESSION, 24)),
    3: (("partial response", 18), ("stable disease", 30), ("mixed response", 12), (PROGRESSION, 36)),
}  # fmt: skip
_REMISSIONS = {
    1: (("complete response", 44), ("partial response", 26), ("stable disease", 9), (PROGRESSION, 14)),
    2: (("complete response", 30), ("partial response", 29), ("stable disease", 12), (PROGRESSION, 22)),
    3: (("complete response", 18), ("partial response", 28), ("stable disease", 16), (PROGRESSION, 32)),
}
_EARLY_RESPONSES = (
    (COMPLETE_PATHOLOGIC, 22),
    ("near-complete response", 9),
    ("partial response", 27),
    (NO_EVIDENCE, 30),
)
_AFTER_CHEMORADIATION = (
    ("complete response", 24),
    ("near-complete response", 8),
    ("partial response", 38),
    ("stable disease", 16),
)
_AFTER_BRAIN_SURGERY = (
    ("stable disease", 45),
    ("partial response", 14),
    ("complete response", 6),
    (PROGRESSION, 20),
)
_COMPLETE = frozenset({"complete response", "near-complete response", COMPLETE_PATHOLOGIC})
_WEIGHT_OF_TARGETED = 7.0  # who has the target gets the drug, more often than what anyone may get
_EARLY_STAGES = frozenset({"0", "I", "IA", "IB", "IC"})
# One of these alone is no option after another of its group.
_SAME_ACTION = (
    frozenset({"ibrutinib", "acalabrutinib", "zanubrutinib"}),
    frozenset({"nivolumab", "pembrolizumab", "atezolizumab", "durvalumab", "cemiplimab", "avelumab"}),
)
_FEMALE_SITES = frozenset({"ovary", "vagina"})
_MALE_SITES = frozenset({"testis"})
_WITHIN_STAGE_III_OF_OVARY = frozenset({"peritoneum", "bowel"})
_PLATINUM = frozenset({"cisplatin", "carboplatin"})
_WITH_ITS_OWN_RADIATION = frozenset({"Stupp protocol", "proton therapy"})
Law = tuple[tuple[str, int], ...]


def draw_course(case: Case, stream: Stream) -> Case:
    """Return the case with stage, events, sites and response."""
    if case.entity.is_blood_cancer:
        return _blood(case, stream)
    if not case.entity.stages and not case.entity.sites:
        return _brain(case, stream)
    stage = stream.weighted(list(case.entity.stages.items()))
    if stage in case.entity.advanced:
        return _metastatic(replace(case, stage=stage, is_metastatic=True), stream)
    flags = case.flags | ({"EARLY"} if stage in _EARLY_STAGES else set())
    flags |= {"STAGE_III"} if stage.startswith("III") else set()
    return _localised(replace(case, stage=stage, flags=flags), stream)


def _pick(specs: tuple[str, ...], case: Case, stream: Stream) -> str | None:
    weights = {False: 1.0, True: _WEIGHT_OF_TARGETED}
    allowed = [(spec, weights[has_target(spec)]) for spec in specs if is_allowed(spec, case.flags)]
    return stream.weighted(allowed) if allowed else None


def _event(setting: str, specs: tuple[str, ...], case: Case, stream: Stream) -> list[Event]:
    spec = _pick(specs, case, stream)
    return [Event(setting, treatment(spec))] if spec else []


def _planned(kind: str, specs: tuple[str, ...], case: Case, stream: Stream) -> list[Event]:
    """Return what is planned for a new patient: one of these treatments, or what the entity plans instead of them."""
    instead = case.entity.plans.get(kind, ())
    return _event("planned", instead if instead and stream.happens(0.35) else specs, case, stream)


def _localised(case: Case, stream: Stream) -> Case:
    fate = stream.weighted([("new", 0.09), ("treated", 0.47), ("recurred", 0.44)])
    if fate == "new":
        return _newly_diagnosed(case, stream)
    case = _curative(case, stream)
    if fate == "recurred" and case.entity.lines and not case.entity.states_stage:
        return _recurrent(case, stream)
    return _follow_up(case, stream)


def _newly_diagnosed(case: Case, stream: Stream) -> Case:
    specs = case.entity.neoadjuvant or case.entity.chemoradiation
    events = _planned("new", specs, case, stream) if stream.happens(0.4) else []
    return replace(case, setting="new", events=tuple(events))


def _curative(case: Case, stream: Stream) -> Case:
    entity = case.entity
    unresectable = case.stage in {"IIIB", "IIIC", "limited", "III"}
    if entity.chemoradiation and (not entity.surgery or (unresectable and stream.happens(0.75))):
        return _chemoradiation(case, stream)
    definitive = _event("definitive", entity.definitive, case, stream) if stream.happens(0.4) else []
    if definitive:
        return replace(case, setting="definitive", events=tuple(definitive))
    early = case.stage in _EARLY_STAGES
    before = _event("neoadjuvant", entity.neoadjuvant, case, stream) if not early and stream.happens(0.52) else []
    operations = entity.interval_surgery if before and entity.interval_surgery else entity.surgery
    surgery = _event("surgery", operations, case, stream)
    fitting = _after_neoadjuvant(before, entity.adjuvant)
    after = _event("adjuvant", fitting, case, stream) if stream.happens(0.35 if early else 0.72) else []
    kept = _event("maintenance", entity.maintenance, case, stream) if after and stream.happens(0.5) else []
    return replace(case, setting="resected", events=(*before, *surgery, *after, *kept))


def _after_neoadjuvant(before: list[Event], specs: tuple[str, ...]) -> tuple[str, ...]:
    """Return the adjuvant treatments left when a platinum was given before surgery: the same one again or none."""
    given = {part for event in before for part in event.treatment.parts}
    if not given & _PLATINUM:
        return specs
    return tuple(
        spec for spec in specs if not _PLATINUM & set(treatment(spec).parts) or set(treatment(spec).parts) == given
    )


def _chemoradiation(case: Case, stream: Stream) -> Case:
    spec = _pick(case.entity.chemoradiation, case, stream)
    if spec is None:
        return case
    given = Event("chemoradiation", treatment(f"{spec.split('|')[0].strip()}+radiotherapy"))
    kept = _event("consolidation", case.entity.consolidation, case, stream) if stream.happens(0.6) else []
    return replace(case, setting="chemoradiation", events=(given, *kept))


def _follow_up(case: Case, stream: Stream) -> Case:
    settings = [event.setting for event in case.events]
    if case.setting == "chemoradiation" or (case.setting == "definitive" and not case.entity.salvage):
        return replace(case, response=(stream.weighted(_likely(_AFTER_CHEMORADIATION, case)),))
    if case.setting == "definitive":
        laws = [("biochemical recurrence", 35), (NO_EVIDENCE, 50)]
        return _maybe_salvage(replace(case, response=(stream.weighted(laws),)), stream)
    if "neoadjuvant" in settings and "surgery" in settings:
        return replace(case, response=(stream.weighted(_likely(_EARLY_RESPONSES, case)),))
    if case.entity.salvage and stream.happens(0.45):
        return _maybe_salvage(replace(case, response=("biochemical recurrence",)), stream)
    return replace(case, response=(NO_EVIDENCE,)) if stream.happens(0.85) else case


def _maybe_salvage(case: Case, stream: Stream) -> Case:
    if case.response != ("biochemical recurrence",) or not case.entity.salvage or not stream.happens(0.4):
        return case
    after_surgery = any(event.setting == "surgery" for event in case.events)
    salvage = _event("planned", case.entity.salvage, case, stream) if after_surgery else []
    return replace(case, events=(*case.events, *salvage))


def _recurrent(case: Case, stream: Stream) -> Case:
    advanced = [name for name in case.entity.stages if name in case.entity.advanced]
    if "limited" in case.entity.stages:
        now = "extensive"
    else:
        now = "IVB" if case.entity.system == "FIGO" and "IVB" in advanced else "IV"
    recurred = replace(case, setting="recurrent", earlier_stage=case.stage, stage=now, is_metastatic=True)
    return _with_lines(recurred, stream)


def _metastatic(case: Case, stream: Stream) -> Case:
    case = replace(case, setting="metastatic")
    if stream.happens(0.09):
        specs = case.entity.lines.get(1, ())
        planned = _planned("metastatic", specs, case, stream) if stream.happens(0.45) else []
        return _with_sites(replace(case, setting="new", events=tuple(planned)), stream)
    return _with_lines(case, stream)


def _is_spent(spec: str, used: set[str]) -> bool:
    """Return True when a drug of the same action as all that the specification gives has been used."""
    parts = set(treatment(spec).parts)
    return any(parts <= group and group & used for group in _SAME_ACTION)


def _with_lines(case: Case, stream: Stream) -> Case:
    case = _with_sites(case, stream)
    count = stream.weighted([(1, 45), (2, 34), (3, 21)])
    events: list[Event] = []
    used = {part for event in case.events for part in event.treatment.parts}
    for line in range(1, count + 1):
        specs = tuple(spec for spec in case.entity.lines.get(line, ()) if not _is_spent(spec, used))
        fresh = tuple(spec for spec in specs if not used.intersection(treatment(spec).parts))
        fresh = fresh or tuple(spec for spec in specs if treatment(spec).parts[0] not in used)
        event = _line(line, line == count, fresh, case, stream)
        if event is None:
            break
        events.append(event)
        used |= set(event.treatment.parts)
    case = replace(case, events=(*case.events, *_local(case, events, stream)))
    return _current_response(_at_sites(case, case.sites + _local_site(case)), stream)


def _likely(law: Law, case: Case) -> list[tuple[str, float]]:
    """Return the law with complete responses as likely as they are in the entity."""
    remission = case.entity.remission
    return [(state, weight * remission if state in _COMPLETE else float(weight)) for state, weight in law]


def _line(line: int, is_last: bool, specs: tuple[str, ...], case: Case, stream: Stream) -> Event | None:
    spec = _pick(specs, case, stream)
    if spec is None:
        return None
    laws = (_REMISSIONS if case.entity.is_blood_cancer else _LINE_RESPONSES)[line]
    best = stream.weighted(_likely(laws, case))
    progressed = not is_last or best == PROGRESSION
    if is_last and best in {"partial response", "stable disease", "complete response"} and stream.happens(0.22):
        progressed = True
    return Event("line", treatment(spec), line, None if best == PROGRESSION else best, progressed)


def _local(case: Case, events: list[Event], stream: Stream) -> list[Event]:
    if not events or not case.entity.local or not stream.happens(0.2):
        return events
    extra = Event("local", treatment(stream.pick(case.entity.local)))
    return [events[0], extra, *events[1:]]


def _current_response(case: Case, stream: Stream) -> Case:
    lines = [event for event in case.events if event.setting == "line"]
    if not lines:
        return replace(case, response=(PROGRESSION,)) if case.setting == "recurrent" else case
    last = lines[-1]
    if last.progressed:
        return replace(case, response=(last.best, PROGRESSION) if last.best else (PROGRESSION,))
    if stream.happens(0.06):  # too early to tell; an earlier line may have its own end
        unread = tuple(replace(event, best=None) if event is last else event for event in case.events)
        return replace(case, events=unread, response=(PROGRESSION,) if len(lines) > 1 else ())
    return replace(case, response=(last.best,) if last.best else ())


def _with_sites(case: Case, stream: Stream) -> Case:
    other_sex = _MALE_SITES if case.is_female else _FEMALE_SITES
    pool = [(name, weight) for name, weight in case.entity.sites.items() if name not in other_sex]
    count = stream.weighted([(1, 46), (2, 36), (3, 18)])
    is_ovarian = case.entity.code.startswith("ovarian")
    chosen: list[str] = []
    while pool and (len(chosen) < count or (is_ovarian and _WITHIN_STAGE_III_OF_OVARY.issuperset(chosen))):
        site = stream.weighted(pool)
        chosen.append(site)
        pool = [(name, weight) for name, weight in pool if name != site]
    flags = {"BONE"} if "bone" in chosen else set()
    if set(chosen) - {"bone", "distant_nodes"}:
        flags.add("VISCERAL")
    return _at_sites(replace(case, flags=case.flags | flags), tuple(chosen))


def _at_sites(case: Case, sites: tuple[str, ...]) -> Case:
    """Return the case with metastases in these sites and the stage that they make."""
    stage = fitting_stage(case.entity.code, case.stage, sites) if case.stage else case.stage
    return replace(case, sites=sites, stage=stage)


def _local_site(case: Case) -> tuple[str, ...]:
    """Return the sites that local treatments give away and that the case does not have yet."""
    treated = {
        "brain": {"stereotactic radiosurgery", "craniotomy", "whole-brain radiotherapy"},
        "liver": {"hepatectomy", "microwave ablation", "Y-90 radioembolization"},
        "peritoneum": {"HIPEC"},
    }
    parts = {part for event in case.events if event.setting == "local" for part in event.treatment.parts}
    return tuple(site for site, names in treated.items() if parts & names and site not in case.sites)


def _brain(case: Case, stream: Stream) -> Case:
    entity = case.entity
    surgery = _event("surgery", entity.surgery, case, stream)
    if stream.happens(0.12):
        return replace(case, setting="new", events=tuple(surgery))
    given = [Event("chemoradiation", treatment(f"{spec}+radiotherapy")) for spec in entity.chemoradiation[:1]]
    after = _event("adjuvant", entity.adjuvant, case, stream) if stream.happens(0.75) else []
    if any(_WITH_ITS_OWN_RADIATION & set(event.treatment.parts) for event in after):
        given = []
    case = replace(case, setting="brain", events=(*surgery, *given, *after))
    if stream.happens(0.5):
        return replace(case, response=(stream.weighted(_likely(_AFTER_BRAIN_SURGERY, case)),))
    second = _event("line", entity.lines[2], case, stream)
    response = stream.weighted([("stable disease", 30), ("partial response", 22), (PROGRESSION, 30)])
    line = replace(
        second[0], line=2, best=None if response == PROGRESSION else response, progressed=response == PROGRESSION
    )
    return replace(case, setting="brain_recurrent", events=(*case.events, line), response=(response,))


def _blood(case: Case, stream: Stream) -> Case:
    stage = stream.weighted(list(case.entity.stages.items())) if case.entity.stages else None
    case = replace(case, setting="blood", stage=stage)
    if stream.happens(0.1):
        return replace(case, setting="new", events=tuple(_planned("new", case.entity.lines[1], case, stream)))
    count = stream.weighted([(1, 46), (2, 34), (3, 20)])
    events: list[Event] = []
    used: set[str] = set()
    for line in range(1, count + 1):
        specs = tuple(s for s in case.entity.lines.get(line, ()) if not used.intersection(treatment(s).parts))
        specs = tuple(s for s in specs if not _is_spent(s, used))
        event = _line(line, line == count, specs, case, stream)
        if event is None:
            break
        events.append(event)
        used |= set(event.treatment.parts)
    return _current_response(replace(case, events=tuple(events)), stream)


def problems(case: Case) -> list[str]:
    """Return what is clinically impossible in the case; an empty list means that nothing is."""
    found: list[str] = []
    settings = [event.setting for event in case.events]
    if COMPLETE_PATHOLOGIC in case.response and not {"neoadjuvant", "surgery"} <= set(settings):
        found.append("a pathologic complete response needs neoadjuvant therapy and surgery")
    if NO_EVIDENCE in case.response and case.sites:
        found.append("no evidence of disease with active metastases")
    if case.sites and not case.is_metastatic:
        found.append("metastases in a stage without spread")
    if set(case.sites) & (_MALE_SITES if case.is_female else _FEMALE_SITES):
        found.append("metastases in an organ of the other sex")
    if case.stage and fitting_stage(case.entity.code, case.stage, case.sites) != case.stage:
        found.append("a stage with another letter than its sites call for")
    if "biochemical recurrence" in case.response and case.entity.code != "prostate":
        found.append("biochemical recurrence outside the prostate")
    if case.response and not any(event.setting != "planned" for event in case.events):
        found.append("a response without a treatment")
    return found
