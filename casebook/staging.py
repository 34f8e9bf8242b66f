"""Which letter a stage IV has for the sites of a case: AJCC and FIGO define it by where the spread is."""

from __future__ import annotations

from collections.abc import Callable

_LETTERED = frozenset({"IVA", "IVB", "IVC"})
_WITHIN_CHEST = frozenset({"contralateral_lung", "pleura", "pericardium"})
_LUNG = frozenset({"lung_adenocarcinoma", "lung_squamous", "nsclc"})
_BOWEL = frozenset({"colon", "rectal", "colorectal"})
_THYMUS = frozenset({"thymoma", "thymic_carcinoma"})
_BONE = frozenset({"osteosarcoma", "ewing", "chondrosarcoma"})
Law = Callable[[frozenset[str]], frozenset[str]]


def _lung(sites: frozenset[str]) -> frozenset[str]:
    outside = sites - _WITHIN_CHEST
    return frozenset({"IVA"}) if not outside else frozenset({"IVB"} if len(outside) > 1 else {"IVA", "IVB"})


def _bowel(sites: frozenset[str]) -> frozenset[str]:
    if "peritoneum" in sites:
        return frozenset({"IVC"})
    return frozenset({"IVA" if len(sites) == 1 else "IVB"})


def _only(first: frozenset[str], stages: set[str], otherwise: str) -> Law:
    """Return the law of an organ whose `stages` are spread to these sites alone."""
    return lambda sites: frozenset(stages if sites <= first else {otherwise})


_LAWS: tuple[tuple[frozenset[str], Law], ...] = (
    (_LUNG, _lung),
    (_BOWEL, _bowel),
    (frozenset({"appendix"}), _only(frozenset({"peritoneum", "ovary"}), {"IVA", "IVB"}, "IVC")),
    (frozenset({"ovarian_hgsc", "ovarian"}), _only(frozenset({"pleura", "peritoneum"}), {"IVA"}, "IVB")),
    (_THYMUS, _only(frozenset({"pleura", "pericardium"}), {"IVA"}, "IVB")),
    (_BONE, _only(frozenset({"lung"}), {"IVA"}, "IVB")),
    (frozenset({"urothelial_bladder"}), _only(frozenset({"distant_nodes"}), {"IVA"}, "IVB")),
)


def fitting_stage(code: str, stage: str, sites: tuple[str, ...]) -> str:
    """Return the stage, or the one with the letter that these sites of an entity call for."""
    if stage not in _LETTERED or not sites:
        return stage
    for codes, law in _LAWS:
        if code in codes:
            fitting = law(frozenset(sites))
            return stage if stage in fitting else min(fitting)
    return stage
