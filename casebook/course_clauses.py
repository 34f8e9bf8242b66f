"""Writes the clauses about treatment, relapse and response, in the order in which they happened."""

from __future__ import annotations

from dataclasses import dataclass

from casebook.case import Event
from casebook.clauses import Clauses, SlotValues
from casebook.labels import Tag
from casebook.phrases import is_given_once
from casebook.treatments import is_no_therapy

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
# Two steps that one clause may tell; the slots of the second step end in 2.
STEPS = {
    ("neoadjuvant", "surgery"): "neoadjuvant_then_surgery",
    ("surgery", "adjuvant"): "surgery_then_adjuvant",
    ("surgery", "chemoradiation"): "surgery_then_chemoradiation",
    ("line", "line"): "line_then_line",
}
_STEPS_SHARE = 0.45
_INFERRED_SHARE = 0.46
_BEST_SHARE = 0.9
_BEST_TOLD_ALONE_SHARE = 0.6
_BEST_TOLD_LATER_SHARE = 0.6
_BEST_OF_TWO_TOLD_LATER_SHARE = 0.35


@dataclass(frozen=True)
class Telling:
    """What the course may say; a brief note leaves out the past, that is all but its last line of therapy.

    `surgical_stage` holds the slots of a stage found at surgery.
    """

    shows_sites: bool
    tells_course: bool
    tells_past: bool
    surgical_stage: SlotValues


def write_course(clauses: Clauses, telling: Telling) -> None:
    """Write what was done, what came of it and how things stand."""
    case, stream = clauses.case, clauses.stream
    tells_response = bool(case.response) and stream.happens(0.96)
    lines = tuple(event for event in case.events if event.line and event.setting == "line")
    told = _Told(clauses, telling, lines[-1] if lines else None, tells_response)
    is_relapse_told = case.setting != "recurrent"
    order = 0
    while order < len(case.events):
        if not is_relapse_told and case.events[order].setting in {"line", "local"}:
            _relapse(clauses, telling.shows_sites)
            is_relapse_told = True
        is_past = bool(lines) and case.events[order] is not lines[-1]
        order += 1 if not telling.tells_course or (is_past and not telling.tells_past) else told.steps(order)
    if not is_relapse_told:
        _relapse(clauses, telling.shows_sites)
    if tells_response and not told.is_status_told:
        _status(clauses, float(lines[-1].line if lines else 0))
    if told.best_left is not None:
        _response_before(clauses, told.best_left)


def _response_before(clauses: Clauses, event: Event) -> None:
    """Tell what an earlier line had achieved after the present state, which a reader must not take it for."""
    slots = clauses.phrases.event(event, 0)
    best = clauses.phrases.response(event.best or "", event.line)
    clauses.add("status", "response_before", {"nth": slots["nth"], "n": slots["n"], "best": best})


def _relapse(clauses: Clauses, shows_sites: bool) -> None:
    phrases = clauses.phrases
    slots: SlotValues = {
        "recurred": phrases.verb(clauses.stream.pick(["recurred", "relapsed"]), 0.5),
        "recurrence": phrases.verb(clauses.stream.pick(["recurrence", "relapse"]), 0.5),
        "metastatic": phrases.metastatic(),
    }
    if shows_sites:
        form = clauses.stream.pick(["lesions", "organs"])
        slots[form] = phrases.sites(form)
    clauses.add("course", "relapse" if shows_sites else "relapse_bare", slots)


@dataclass
class _Told:
    """What the course has told so far."""

    clauses: Clauses
    telling: Telling
    last_line: Event | None
    tells_response: bool
    is_status_told: bool = False
    best_left: Event | None = None
    """The earlier line whose response is told after the present state."""

    def steps(self, order: int) -> int:
        """Write the step of the course at this place, perhaps with the next one; return how many were told."""
        events = self.clauses.case.events
        if order == 0 and self.telling.surgical_stage:
            slots = {**self.clauses.phrases.event(events[0], 0), **self.telling.surgical_stage}
            self.clauses.add("course", "surgery_with_stage", slots)
            return 1
        kind = STEPS.get((events[order].setting, events[order + 1].setting)) if order + 1 < len(events) else None
        if (
            kind
            and self.clauses.has_manner_for(kind)
            and self._fits(events[order], events[order + 1])
            and self._happens(_STEPS_SHARE + self.clauses.brevity)
        ):
            self._two(kind, order)
            return 2
        self._one(events[order], order)
        return 1

    def _happens(self, probability: float) -> bool:
        return self.clauses.stream.happens(probability)

    def _fits(self, first: Event, second: Event) -> bool:
        if first.setting != "line":
            return True
        is_lasting = not (_is_one_time(first) or _is_one_time(second))
        tells_best_alone = bool(first.best) and self._happens(_BEST_TOLD_ALONE_SHARE)
        return first.progressed and self.tells_response and is_lasting and not tells_best_alone

    def _two(self, kind: str, order: int) -> None:
        events = self.clauses.case.events
        slots: SlotValues = dict(self.clauses.phrases.event(events[order], order))
        second = self.clauses.phrases.event(events[order + 1], order + 1)
        slots |= {f"{name}2": value for name, value in second.items()}
        if events[order].line:
            if events[order].best and self.best_left is None and self._happens(_BEST_OF_TWO_TOLD_LATER_SHARE):
                self.best_left = events[order]
            slots |= _progression_slots(self.clauses, events[order].line + 0.5)
        self.clauses.add("course", kind, slots)

    def _one(self, event: Event, order: int) -> None:
        slots: SlotValues = dict(self.clauses.phrases.event(event, order))
        if event.setting != "line":
            kind = (
                "planned_care" if event.setting == "planned" and is_no_therapy(event.treatment.parts) else event.setting
            )
            self.clauses.add("status" if event.setting == "planned" else "course", kind, slots)
            return
        slots |= _progression_slots(self.clauses, event.line + 0.5)
        if event.best:
            slots["best"] = self.clauses.phrases.response(event.best, event.line)
        if self._tells_with_response(event):
            slots["r"] = self.clauses.phrases.response(self.clauses.case.response[0], event.line + 0.5)
            self.clauses.add("course", "once_with_response" if _is_one_time(event) else "line_with_response", slots)
            self.is_status_told = True
            return
        self.clauses.add("course", self._kind(event), slots)

    def _tells_with_response(self, event: Event) -> bool:
        is_answered = event is self.last_line and event.best and not event.progressed
        is_one_state = self.tells_response and len(self.clauses.case.response) == 1
        return bool(is_answered and is_one_state) and self.clauses.stream.happens(0.3)

    def _kind(self, event: Event) -> str:
        """Return the kind of clause for a line of therapy; note when it tells the present state too."""
        stream, is_last = self.clauses.stream, event is self.last_line
        current, past = ("once", "once") if _is_one_time(event) else ("line_current", "line_past")
        if not event.progressed or not self.tells_response:
            return current if is_last and not event.progressed else past
        if is_last and stream.happens(0.5):
            return past
        self.is_status_told |= is_last
        if event.best and (is_last or stream.happens(_BEST_SHARE)):
            if not is_last and self.best_left is None and stream.happens(_BEST_TOLD_LATER_SHARE):
                self.best_left = event
                return past
            return "once_response_past" if _is_one_time(event) else "line_response_past"
        if not is_last and stream.happens(0.3):
            return past
        return "once_progressed" if _is_one_time(event) else "line_progressed"


def _is_one_time(event: Event) -> bool:
    return is_given_once(event.treatment.parts)


def _progression_slots(clauses: Clauses, order: float) -> SlotValues:
    verb = clauses.phrases.verb
    return {
        "progressed": verb("progressed", order),
        "progressed_bare": verb("progressed", order),
        "progression": verb(clauses.stream.pick(["progression", "disease progression", "progressive disease"]), order),
    }


def _status(clauses: Clauses, order: float) -> None:
    if len(clauses.case.response) == 2:
        _two_states(clauses, order)
        return
    last = clauses.case.response[-1]
    rule = _rule(clauses, last)
    if rule and clauses.stream.happens(_INFERRED_SHARE):
        tag = str(Tag("response", last, order + 0.5, rule))
        clauses.add("status", f"inferred_{rule}", {}, tag=tag)
        return
    kind = _RESPONSE_KIND.get(last, "response")
    if clauses.case.setting == "resected" and kind == "response":
        kind = "response_neoadjuvant"
    clauses.add("status", kind, {"r": clauses.phrases.response(last, order + 0.5)})


def _two_states(clauses: Clauses, order: float) -> None:
    first, last = clauses.case.response
    slots: SlotValues = {
        "best": clauses.phrases.response(first, order),
        "r": clauses.phrases.response(last, order + 0.5),
        "progressed": clauses.phrases.verb("progressed", order + 0.5),
    }
    clauses.add("status", "best_then_progression", slots)


def _rule(clauses: Clauses, response: str) -> str | None:
    """Return the rule by which this response may be said without its name, if there is one."""
    is_operated = clauses.case.setting == "resected" and response == "partial response"
    if is_operated or clauses.case.entity.scan == "scan_marrow":
        return None
    return _INFERRED.get(response)
