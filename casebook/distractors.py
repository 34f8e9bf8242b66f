"""Writes what must leave no trace in the label: negative genes, ruled-out sites, declined drugs, other cancers."""

from __future__ import annotations

import re

from casebook.case import Case
from casebook.clauses import Clauses
from casebook.grammar import Piece, Slots
from casebook.labels import distractor
from casebook.phrases import joined
from casebook.streams import Stream
from casebook.treatments import is_allowed, treatment
from extraction.canonical import canonical_items
from extraction.canonical.treatment import treatments_named
from extraction.wording import normalised

# Shares (%) of the specification; the blocks are where a note would put such a statement. Some cases have nothing to
# say of a kind (no gene left to be negative, no free site), so a kind is drawn more often than its share in the others.
KINDS: tuple[tuple[str, float, float, tuple[str, ...]], ...] = (
    ("negative_gene", 22, 0.95, ("findings",)),
    ("untested", 15, 0.90, ("findings",)),
    ("ruled_out_site", 15, 0.85, ("status", "staging")),
    ("considered", 12, 0.95, ("extras",)),
    ("roman", 12, 1.0, ("extras", "status", "opening")),
    ("grade", 10, 0.75, ("findings", "staging")),
    ("anatomy", 10, 0.85, ("extras",)),
    ("drug_noise", 10, 1.0, ("extras", "opening")),
    ("family", 8, 1.0, ("extras", "opening")),
    ("drug_class", 8, 1.0, ("extras",)),
    ("prior_cancer", 6, 0.85, ("extras", "opening")),
    ("equivocal", 6, 0.85, ("status", "extras")),
    ("percentages", 5, 1.0, ("extras", "status")),
    ("guideline", 3, 0.95, ("extras",)),
    ("held", 3, 0.95, ("extras",)),
)
_SUPERSEDED_STAGE_SHARE = 0.33
_PRIOR_FIRST_SHARE = 0.45
_PRIOR_FROM_AGE_YEARS = 48
_WOMEN_ONLY = re.compile(r"cervical|ovarian|endometrial|uterine|breast|hysterectomy")
_MEN_ONLY = re.compile(r"testicular|prostate")
_FEMALE_RELATIVE = re.compile(r"mother|sister|aunt")
_CHECKPOINTS = frozenset({"PD-L1", "CTLA-4", "LAG-3"})
# Words of an earlier cancer with the entities (parts of their codes) that it could be mistaken for or contradict.
_PRIOR_ENTITIES: dict[str, tuple[str, ...]] = {
    "testicular": ("seminoma",),
    "Hodgkin": ("hodgkin", "lymphoma", "dlbcl", "mantle_cell"),
    "lymphoma": ("lymphoma", "dlbcl", "mantle_cell", "hodgkin", "cll"),
    "leukaemia": ("aml", "cml", "cll", "all", "mds", "lymphoma"),
    "basal cell": ("basal_cell", "cutaneous_squamous"),
    "squamous cell": ("cutaneous_squamous", "basal_cell", "merkel"),
    "melanoma": ("melanoma", "merkel"),
    "bladder": ("urothelial",),
    "thyroid": ("thyroid",),
    "colon": ("colon", "colorectal", "rectal", "appendix", "small_bowel"),
    "rectal": ("rectal", "colon", "net", "neuroendocrine"),
    "cervical": ("cervical", "endometrial", "uterine", "ovarian", "vulvar"),
    "endometrial": ("endometrial", "uterine", "cervical", "ovarian"),
    "breast": ("breast",),
    "prostate": ("prostate",),
    "renal": ("renal",),
    "Wilms": ("renal",),
    "laryngeal": ("laryn", "pharyn", "head_and_neck", "oral"),
    "tongue": ("oral", "laryn", "pharyn", "head_and_neck", "salivary"),
    "lung": ("lung", "nsclc", "mesothelioma", "thym"),
    "stromal": ("gist", "gastric", "gej", "small_bowel"),
    "soft tissue": ("sarcoma",),
}
_FREE_SITES = ("brain", "liver", "bone", "adrenal", "lung")


def write_distractors(clauses: Clauses, stream: Stream, density: float) -> list[str]:
    """Write distractors, each kind by its share times `density`, and return the kinds written."""
    written: list[str] = []
    if clauses.case.earlier_stage and clauses.stream.happens(_SUPERSEDED_STAGE_SHARE):
        slots: Slots = {"old_stage": clauses.phrases.earlier_stage(), "year": clauses.patient.first_year}
        clauses.add("opening", "superseded_stage", slots)
        written.append("superseded_stage")
    for kind, share, possible, blocks in KINDS:
        words = _slots(kind, clauses) if stream.happens(density * share / 100 / possible) else None
        if words is None:
            continue
        written.append(kind)
        if kind == "prior_cancer" and stream.happens(_PRIOR_FIRST_SHARE):
            clauses.add_first("opening", "prior_cancer_first", words)
        else:
            tag = distractor(kind, "") if kind in {"roman", "anatomy", "percentages"} else ""
            clauses.add(stream.pick(blocks), kind, words, tag=tag)
    return written


def _slots(kind: str, clauses: Clauses) -> dict[str, str | list[Piece]] | None:
    makers = {
        "negative_gene": _negative_genes,
        "untested": _untested,
        "ruled_out_site": _ruled_out,
        "considered": _other_treatment,
        "held": _other_treatment,
        "guideline": _other_treatment,
        "equivocal": _equivocal,
    }
    if kind == "grade" and not clauses.case.entity.grades:
        return None
    if kind == "anatomy" and not clauses.case.entity.sites:
        return None
    return makers[kind](clauses) if kind in makers else _words(kind, clauses)


def _tagged(kind: str, text: str) -> list[Piece]:
    return [Piece(text, distractor(kind, text))]


def _words(kind: str, clauses: Clauses) -> dict[str, str | list[Piece]] | None:
    phrases, stream = clauses.phrases, clauses.stream
    first, second = (pair.split(" = ") for pair in stream.sample(clauses.data.words["medication"], 2))
    relative, family = _family(clauses)
    prior = "".join(piece.text for piece in clauses.writer.expand(phrases.words("prior_cancer"), {}))
    if kind == "prior_cancer" and not _fits_prior(prior, clauses.case):
        return None
    return {
        "drug1": _tagged("drug", first[1]),
        "drug2": _tagged("drug", second[1]),
        "comorbidity": first[0],
        "relative": relative,
        "family_cancer": _tagged("family", family),
        "class": _tagged("drug_class", _class_not_given(clauses)),
        "prior": _tagged("prior", prior),
    }


def _fits_prior(prior: str, case: Case) -> bool:
    """Return True when an earlier cancer suits age and sex and is not of the kind that the note is about."""
    if case.age < _PRIOR_FROM_AGE_YEARS or (_WOMEN_ONLY if not case.is_female else _MEN_ONLY).search(prior):
        return False
    return not any(
        word in prior and any(code in case.entity.code for code in codes) for word, codes in _PRIOR_ENTITIES.items()
    )


def _family(clauses: Clauses) -> tuple[str, str]:
    """Return a relative and a cancer that a relative of that sex can have."""
    relative = clauses.phrases.words("relative")
    impossible = _MEN_ONLY if _FEMALE_RELATIVE.search(relative) else _WOMEN_ONLY
    either = clauses.stream.shuffled(clauses.data.words["family_cancer"])
    return relative, next(cancer for cancer in either if not impossible.search(cancer))


def _class_not_given(clauses: Clauses) -> str:
    """Return a drug class of which the patient has had no drug."""
    labels = normalised("; ".join(event.label for event in clauses.case.events))
    given = {entry.drug_class.split(" ")[0] for entry in treatments_named(labels) if entry.drug_class}
    if "immunotherapy" in given:
        given |= _CHECKPOINTS
    words = clauses.data.words["drug_class"]
    return clauses.stream.pick([name for name in words if name.split(" ")[0] not in given])


def _negative_genes(clauses: Clauses) -> dict[str, str | list[Piece]] | None:
    genes = [gene for gene in clauses.case.negative if gene != "HER2"]
    if not genes:
        return None
    return {
        "neg_genes": joined([_tagged("negative_gene", gene) for gene in genes], " and "),
        "neg_genes_or": joined([_tagged("negative_gene", gene) for gene in genes], " or "),
        "were": "was" if len(genes) == 1 else "were",
    }


def _untested(clauses: Clauses) -> dict[str, str | list[Piece]] | None:
    markers = {result.marker for result in clauses.case.results}
    extra = ("PD-L1", "TMB") if clauses.case.entity.sites else ()
    names = [*clauses.case.untested] + [name for name in extra if name not in markers]
    return {"untested": _tagged("untested", clauses.stream.pick(names))} if names else None


def _free_sites(clauses: Clauses) -> list[str]:
    taken = set(clauses.case.sites) | ({"lung"} if "contralateral_lung" in clauses.case.sites else set())
    kind_of = clauses.case.entity.code
    own = {"lung": "lung", "hepatocellular": "liver", "glioblastoma": "brain", "astrocytoma": "brain"}
    primary = {site for word, site in own.items() if word in kind_of}
    return [site for site in _FREE_SITES if site not in taken | primary]


def _ruled_out(clauses: Clauses) -> dict[str, str | list[Piece]] | None:
    free = _free_sites(clauses)
    if not free or not clauses.case.entity.sites:
        return None
    site = clauses.stream.pick(free)
    forms = clauses.data.sites[site]
    return {
        "no_organ": _tagged("ruled_out_site", forms.adjective),
        "no_site": _tagged("ruled_out_site", "skeleton" if site == "bone" else forms.organ[0]),
    }


def _was_ruled_out(site: str, clauses: Clauses) -> bool:
    """Return True when the note has said already that nothing is in this site."""
    forms = clauses.data.sites[site]
    words = {distractor("ruled_out_site", name) for name in (forms.adjective, forms.organ[0])}
    drafted = (clause for block in clauses.draft.blocks.values() for clause in block)
    return any(piece.tag in words for clause in drafted for piece in clause.pieces)


def _equivocal(clauses: Clauses) -> dict[str, str | list[Piece]] | None:
    free = [
        site for site in _free_sites(clauses) if site not in {"brain", "bone"} and not _was_ruled_out(site, clauses)
    ]
    if not free or not clauses.case.entity.sites:
        return None
    return {"eq_adj": _tagged("equivocal", clauses.data.sites[clauses.stream.pick(free)].adjective)}


def _items(parts: tuple[str, ...]) -> frozenset[object]:
    """Return what the metric reads in the parts of a regimen: an acronym and its drugs are the same treatment."""
    return frozenset(canonical_items("treatment", " and ".join(parts)))


def _other_treatment(clauses: Clauses) -> dict[str, str | list[Piece]] | None:
    entity = clauses.case.entity
    used = {part for event in clauses.case.events for part in event.treatment.parts}
    lines = [spec for line in entity.lines.values() for spec in line]
    specs = lines if clauses.case.is_metastatic or not entity.adjuvant else list(entity.adjuvant)
    specs = [spec for spec in specs if is_allowed(spec, clauses.case.flags)]
    given = " ".join(event.label for event in clauses.case.events)
    free = [
        spec
        for spec in specs
        if not used.intersection(treatment(spec).parts)
        and not any(part in given for part in treatment(spec).parts)
        and not _items(treatment(spec).parts) & _items(tuple(used))
    ]
    if not free:
        return None
    return {
        "other_t": _tagged("considered", clauses.phrases.treatment_text(treatment(clauses.stream.pick(free)).parts))
    }
