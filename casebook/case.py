"""A patient case: what is true, before anything is written about it."""

from __future__ import annotations

from dataclasses import dataclass, field

from casebook.catalogue import Entity


@dataclass(frozen=True)
class Alteration:
    """A finding in a gene; `origin` is germline, somatic or empty."""

    label: str
    gene: str
    change: str
    origin: str = ""


@dataclass(frozen=True)
class Result:
    """A biomarker result: its label and the ways to write it, numbers filled in."""

    marker: str
    label: str
    np: tuple[str, ...]
    clause: tuple[str, ...]
    rule: str = ""


@dataclass(frozen=True)
class Treatment:
    """A treatment as labels write it; `parts` are the names of its components."""

    label: str
    parts: tuple[str, ...]
    with_radiation: bool = False


@dataclass(frozen=True)
class Event:
    """One step of the course. `setting` is surgery, neoadjuvant, adjuvant, maintenance, line, local or planned."""

    setting: str
    treatment: Treatment
    line: int = 0
    best: str | None = None
    progressed: bool = False

    @property
    def label(self) -> str:
        """Return the label with its intent as a prefix."""
        prefixed = self.setting in {"neoadjuvant", "adjuvant", "maintenance"}
        return f"{self.setting} {self.treatment.label}" if prefixed else self.treatment.label


@dataclass(frozen=True)
class Case:
    """Everything true of one patient at the time of the note."""

    number: int
    entity: Entity
    age: int
    is_female: bool
    setting: str
    stage: str | None
    earlier_stage: str | None
    is_metastatic: bool
    alterations: tuple[Alteration, ...]
    untested: tuple[str, ...]
    negative: tuple[str, ...]
    results: tuple[Result, ...]
    events: tuple[Event, ...]
    sites: tuple[str, ...]
    response: tuple[str, ...] = field(default=())
    flags: frozenset[str] = field(default=frozenset())

    @property
    def key(self) -> str:
        """Return what a split must not share: entity, stage, alterations, results, lines, response, sites."""
        parts = (
            self.entity.code,
            self.stage or "",
            ",".join(alteration.label for alteration in self.alterations),
            ",".join(result.label for result in self.results),
            ",".join(event.label for event in self.events),
            ",".join(self.response),
            ",".join(self.sites),
        )
        return "|".join(parts)
