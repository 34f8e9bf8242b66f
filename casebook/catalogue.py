"""The data files of the casebook, checked and frozen: entities with their laws, markers, sites, frames and word lists.

Names of treatments are resolved against the task's vocabulary, so a label here is spelled as the metric expects it.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from extraction.vocabulary import Entry, vocabulary

DATA_DIRECTORY = Path(__file__).with_name("data")
_CONFIG = ConfigDict(frozen=True, extra="forbid")


class MarkerResult(BaseModel):
    """One result that a marker can have; `{n}` in its texts is one of `numbers`."""

    model_config = _CONFIG

    weight: float
    label: str
    np: tuple[str, ...]
    clause: tuple[str, ...]
    numbers: tuple[float | int, ...] = ()
    flag: str | None = None
    rule: str = ""


class MarkerLaw(BaseModel):
    """How a marker turns out in an entity."""

    model_config = _CONFIG

    marker: str
    results: tuple[MarkerResult, ...]
    flag: str | None = None


class SiteForms(BaseModel):
    """How notes write a metastatic site; `code` names the vocabulary entry when it is not the key."""

    model_config = _CONFIG

    organ: tuple[str, ...]
    lesion: tuple[str, ...]
    inferred: tuple[str, ...]
    adjective: str
    code: str | None = None


class Entity(BaseModel):
    """A kind of cancer with the laws that its cases follow; the data files explain the keys."""

    model_config = _CONFIG

    code: str
    weight: float
    age: tuple[int, int]
    names: tuple[str, ...]
    primary: tuple[str, ...]
    presents: tuple[str, ...]
    female: float = 0.5
    stages: dict[str, float] = {}
    advanced: tuple[str, ...] = ("extensive", "IV", "IVA", "IVB", "IVC")
    states_stage: bool = False
    system: str | None = None
    tnm: dict[str, tuple[str, ...]] = {}
    grades: tuple[str, ...] = ()
    alterations: dict[str, float] = {}
    alteration_share: float = 0.0
    companions: dict[str, float] = {}
    companion_share: float = 0.0
    resistance: dict[str, dict[str, float]] = {}
    tested: tuple[str, ...] = ()
    profiles: tuple[tuple[tuple[str, ...], float], ...] = ()
    markers: dict[str, float] = {}
    surgery: tuple[str, ...] = ()
    conflicts: dict[str, tuple[str, ...]] = {}
    interval_surgery: tuple[str, ...] = ()
    neoadjuvant: tuple[str, ...] = ()
    adjuvant: tuple[str, ...] = ()
    definitive: tuple[str, ...] = ()
    salvage: tuple[str, ...] = ()
    chemoradiation: tuple[str, ...] = ()
    consolidation: tuple[str, ...] = ()
    maintenance: tuple[str, ...] = ()
    lines: dict[int, tuple[str, ...]] = {}
    local: tuple[str, ...] = ()
    sites: dict[str, float] = {}
    remission: float = 1.0
    """How likely complete responses are, against the common table."""
    plans: dict[str, tuple[str, ...]] = {}
    """What else may be planned for a new patient: "new" when localised or a blood cancer, "metastatic" otherwise."""

    @property
    def label(self) -> str:
        """Return the label of the cancer type."""
        return vocabulary("cancer_type")[self.code].label

    @property
    def scan(self) -> str:
        """Return the rule of the lexicon that says how its response is assessed."""
        kind = vocabulary("cancer_type")[self.code].kind
        return {"glioma": "scan_brain", "leukemia": "scan_marrow", "plasma_cell": "scan_marrow"}.get(kind or "", "scan")

    @property
    def is_blood_cancer(self) -> bool:
        """Return True for lymphoma, myeloma and leukaemia, which have no primary and no metastases."""
        return vocabulary("cancer_type")[self.code].kind in {"lymphoma", "plasma_cell", "leukemia"}


class Catalogue(BaseModel):
    """Everything that the generator knows."""

    model_config = _CONFIG

    entities: tuple[Entity, ...]
    markers: dict[str, MarkerLaw]
    sites: dict[str, SiteForms]
    frames: dict[str, tuple[str, ...]]
    lexicon: dict[str, tuple[str, ...]]
    words: dict[str, tuple[str, ...]]
    genres: dict[str, Any]
    layout: dict[str, tuple[str, ...]]
    noise: dict[str, Any]
    digest: str


@cache
def catalogue() -> Catalogue:
    """Return the checked data files; `digest` is a SHA-256 over all of them.

    Raises: ValidationError when a file breaks its schema.
    """
    files = sorted(DATA_DIRECTORY.rglob("*.yml"))
    frames: dict[str, tuple[str, ...]] = {}
    for path in files:
        if path.parent.name == "frames":
            for kind, found in _read(path).items():
                frames[kind] = (*frames.get(kind, ()), *found)
    return Catalogue(
        entities=tuple(entity for path in files if path.parent.name == "entities" for entity in _read(path)),
        markers=_read(DATA_DIRECTORY / "markers.yml"),
        sites=_read(DATA_DIRECTORY / "sites.yml"),
        frames=frames,
        lexicon=_read(DATA_DIRECTORY / "lexicon.yml"),
        words=_read(DATA_DIRECTORY / "words.yml"),
        genres=_read(DATA_DIRECTORY / "genres.yml"),
        layout=_read(DATA_DIRECTORY / "layout.yml"),
        noise=_read(DATA_DIRECTORY / "noise.yml"),
        digest=_digest(files),
    )


def _read(path: Path) -> Any:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_text(encoding="utf-8"), Loader=loader)  # noqa: S506 - a safe loader either way


def _digest(files: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in files:
        digest.update(path.relative_to(DATA_DIRECTORY).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@cache
def _treatments_by_name() -> dict[str, Entry]:
    entries: dict[str, Entry] = {}
    for entry in vocabulary("treatment"):
        for name in entry.surface_forms:
            entries.setdefault(name.lower(), entry)
    return entries


def treatment_entry(name: str) -> Entry:
    """Return the vocabulary entry of a treatment written with any of its names.

    Raises: KeyError when the vocabulary does not know it.
    """
    return _treatments_by_name()[name.lower()]


def site_label(key: str) -> str:
    """Return the label of a site of the data files."""
    return vocabulary("metastasis_site")[catalogue().sites[key].code or key].label
