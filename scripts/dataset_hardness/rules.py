"""The baseline that an afternoon of rule writing gives: the task's vocabulary looked up clause by clause.

It knows the surface forms, negation, plans that were not taken, other people and other cancers, in plain patterns, and
reads values with the metric's own canonical forms. It learns nothing from the training notes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

from extraction.canonical import canonical_items
from extraction.canonical.stage import is_metastatic, stages_in_prose
from extraction.lexicon import lexicon
from extraction.schema import Field
from extraction.vocabulary import vocabulary
from extraction.wording import normalised
from scripts.dataset_hardness.measure import Items, Labelled

_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")
_CLAUSE = re.compile(r"\b(?:but|although|whereas|while|however)\b|;|: ")
_ABSENT = re.compile(
    r"\b(?:no|not|without|negative for|denie[sd]|wild[- ]?type|wt|absen(?:t|ce)|never|nor|neither|non-?contributory)\b|"
    r"\b(?:excluded?|ruled out|unremarkable|untested|pending|awaited|outstanding|failed|insufficient|clear of)\b"
)
_OTHERS = re.compile(
    r"\b(?:mother|father|sister|brother|aunt|uncle|cousin|daughter|son|grand\w+|family|relative|maternal|paternal|"
    r"another patient|guidelines?|trial (?:arm|data)|history of (?:breast|prostate|colon|lung|melanoma))\b"
)
_NOT_GIVEN = re.compile(
    r"\b(?:consider\w*|declin\w*|discuss\w*|option\w*|if |would|could|may|might|refus\w*|instead of|rather than|"
    r"not (?:a candidate|eligible|started|given)|contraindicat\w*|held|cancell?ed|deferred|reserved?|on progression)\b"
)
_SPREAD = re.compile(
    r"\b(?:metast\w*|mets?|deposits?|lesions?|spread|involv\w*|dissemin\w*|implants?|nodules?|secondar\w*|disease in|"
    r"carcinomatosis|effusion|caking|recur\w*|relaps\w*)\b"
)
_EARLIER_STAGE = re.compile(
    r"\b(?:initial\w*|original\w*|previous\w*|first diagnosed|at diagnosis|formerly|was stage)\b"
)


def rules(_train: Sequence[Labelled], notes: Sequence[str]) -> list[Items]:
    """Return for each note what the rules find; the training notes are not looked at."""
    return [_read(normalised(note)) for note in notes]


def _read(note: str) -> Items:
    clauses = [clause for sentence in _SENTENCE.split(note) for clause in _CLAUSE.split(sentence) if clause.strip()]
    own = [clause for clause in clauses if not _OTHERS.search(clause)]
    stated = [clause for clause in own if not _ABSENT.search(clause)]
    sites = _sites(stated)
    return {
        "cancer_type": frozenset(_cancer(own or clauses)),
        "stage": frozenset(_stage(own, bool(sites))),
        "gene_mutation": frozenset(_known("gene_mutation", stated)),
        "biomarker": frozenset(_markers(own)),
        "treatment": frozenset(_known("treatment", [clause for clause in stated if not _NOT_GIVEN.search(clause)])),
        "response": frozenset(_response(own)),
        "metastasis_site": sites,
    }


@cache
def _known_items(field: Field) -> frozenset[str]:
    entries = [entry for entry in vocabulary(field) if entry.kind != "gene"]
    return frozenset(item for entry in entries for item in canonical_items(field, entry.label))


def _known(field: Field, clauses: list[str]) -> Iterator[str]:
    """Yield the items of the vocabulary that some clause names."""
    for clause in clauses:
        yield from canonical_items(field, clause) & _known_items(field)


def _cancer(clauses: list[str]) -> list[str]:
    """Return the first cancer that the note names."""
    for clause in clauses:
        mentions = lexicon("cancer_type").find(clause)
        if mentions:
            return [max(mentions, key=lambda mention: mention.end - mention.start).entry.item]
    return []


def _stage(clauses: list[str], has_sites: bool) -> list[str]:
    """Return the stage that is not an earlier one; IV when there is spread and no stage."""
    for clause in clauses:
        stages = sorted(stages_in_prose(clause)) if not _EARLIER_STAGE.search(clause) else []
        if stages:
            return stages[:1]
    for kind in ("limited", "extensive"):
        if any(re.search(rf"\b{kind}[ -]stage\b", clause) for clause in clauses):
            return sorted(canonical_items("stage", f"{kind} stage"))
    spread = has_sites or any(is_metastatic(clause) and not _ABSENT.search(clause) for clause in clauses)
    return ["IV"] if spread else []


def _markers(clauses: list[str]) -> Iterator[str]:
    """Yield results with a value; a negative result counts, since the label keeps it."""
    names = {entry.code for entry in vocabulary("biomarker")}
    for clause in clauses:
        for item in canonical_items("biomarker", clause):
            name = max((name for name in names if item.startswith(name)), key=len, default="")
            if name and item != name and not re.search(r"pending|awaited|not (?:tested|done)|untested", clause):
                yield item


def _response(clauses: list[str]) -> frozenset[str]:
    """Return the states of the last sentence that names one."""
    known = _known_items("response")
    for clause in reversed(clauses):
        found = canonical_items("response", clause) & known
        if found:
            return found
    return frozenset()


def _sites(clauses: list[str]) -> frozenset[str]:
    found = (
        mention.entry
        for clause in clauses
        if _SPREAD.search(clause) and not _NOT_GIVEN.search(clause)
        for mention in lexicon("metastasis_site").find(_without_cancer(clause))
    )
    return frozenset(entry.item for entry in found if entry.kind != "unspecified")


def _without_cancer(clause: str) -> str:
    """Return a clause without the names of cancers, whose organs are no metastatic sites."""
    for mention in reversed(lexicon("cancer_type").find(clause)):
        clause = clause[: mention.start] + " " + clause[mention.end :]
    return clause
