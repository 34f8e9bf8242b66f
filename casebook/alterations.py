"""How notes spell an alteration: from the name in the data files to a finding, and from a finding to noun phrases."""

from __future__ import annotations

import re

from casebook.case import Alteration
from extraction.vocabulary import vocabulary

_ONE_LETTER = "ARNDCQEGHILKMFPSTWYV"
_THREE_LETTERS = "AlaArgAsnAspCysGlnGluGlyHisIleLeuLysMetPheProSerThrTrpTyrVal"
_AMINO_ACIDS = {one: _THREE_LETTERS[3 * place : 3 * place + 3] for place, one in enumerate(_ONE_LETTER)}
_FIRST_PARTNER_COUNTS = frozenset({"FGFR2", "FGFR3", "TMPRSS2", "BCR", "EWSR1", "SS18", "PAX3"})
_SPECIAL = {"EGFRvIII": ("EGFR", "vIII"), "FLT3-ITD": ("FLT3", "ITD")}


def alteration(name: str) -> Alteration:
    """Return the alteration that the data files call by this name, such as "germline BRCA2" or "KRAS G12C"."""
    origin, _, rest = name.partition(" ")
    if origin in {"germline", "somatic"}:
        return Alteration(f"{rest} pathogenic variant", rest, "pathogenic variant", origin)
    if name in _SPECIAL:
        return Alteration(name, *_SPECIAL[name])
    gene, _, change = name.partition(" ")
    if change in {"fusion", "rearrangement"} and "-" in gene:
        first, _, second = gene.partition("-")
        gene = first if first in _FIRST_PARTNER_COUNTS else second
    return Alteration(name, gene, change)


def alteration_forms(item: Alteration) -> list[str]:
    """Return the noun phrases that notes use for an alteration; likelier ones appear twice."""
    label, gene, change = item.label, item.gene, item.change
    if item.origin:
        return [
            f"@a {item.origin} {gene} pathogenic variant",
            f"a pathogenic {item.origin} {gene} variant",
            f"@a {item.origin} {gene} mutation",
            f"{item.origin} {gene} mutation",
            f"a pathogenic {gene} variant ({item.origin})",
        ]
    if gene == "TERT" and change != "promoter mutation":
        return [label, f"TERT promoter {change}", f"TERT promoter mutation ({change})"]  # a nucleotide, not a residue
    if re.fullmatch(r"[A-Z]\d+[A-Z]", change):
        return _hotspot_forms(label, gene, change)
    if change == "fusion":
        return _fusion_forms(label, gene)
    if change.startswith("exon"):
        return [label, label, *_synonyms(label)]
    return _word_forms(label, gene).get(change, [label])


def _hotspot_forms(label: str, gene: str, change: str) -> list[str]:
    short = [label, label, f"{gene} p.{change}", f"{label} mutation", f"{gene} {change} mutation"]
    if change[-1] not in _AMINO_ACIDS:
        return short
    return [*short, f"{gene} p.{_AMINO_ACIDS[change[0]]}{change[1:-1]}{_AMINO_ACIDS[change[-1]]}"]


def _fusion_forms(label: str, gene: str) -> list[str]:
    pair = label.removesuffix(" fusion")
    if "-" in pair:
        return [label, f"{pair.replace('-', '::')} fusion", label]
    return [label, f"{gene} rearrangement", f"a fusion involving {gene}", f"{gene} gene fusion"]


def _word_forms(label: str, gene: str) -> dict[str, list[str]]:
    return {
        "mutation": [label, f"@a {gene} mutation", f"{gene} mutation", f"mutated {gene}"],
        "amplification": [label, f"amplification of {gene}", label, f"{gene} copy number gain (amplified)"],
        "loss": [label, f"loss of {gene}", label, f"{gene} homozygous deletion" if gene == "CDKN2A" else label],
    }


def _synonyms(label: str) -> tuple[str, ...]:
    known = vocabulary("gene_mutation")
    return known[label].synonyms if label in known else ()
