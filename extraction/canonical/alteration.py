"""Gene alterations: "GENE alteration" items, however HGVS, legacy names or prose spell them.

Wild-type, negative, pending and untested genes are no findings and vanish. "EGFR mutation" adds nothing beside
"EGFR L858R".
"""

from __future__ import annotations

import re
from functools import cache
from itertools import pairwise

from extraction.canonical.hgvs import alteration_of, is_alteration, one_letter
from extraction.lexicon import Lexicon, Mention
from extraction.vocabulary import Entry, vocabulary
from extraction.wording import normalised

_PART = re.compile(r";(?![^()]*\))")
_RESIDUE_CHANGE = r"(?:p\.)?(?:[a-z]|[a-z]{3})\d{2,4}(?:[a-z]{3}|[a-z*])(?![a-z0-9])"
_CLAUSE = re.compile(
    r"\||,(?![^()]*\))| \+ | and (?!(?:deletion|insertion)\b)|(?<=[+-])/|"
    rf"(?:/| & | with (?:an? |acquired |secondary |concurrent |co-?occurring |subsequent )*)(?={_RESIDUE_CHANGE})"
)
_LISTED = re.compile(rf"\((?=[^()]*,)((?:{_RESIDUE_CHANGE}[,/ ]*)+)\)")
_ASIDE = re.compile(r"\([^()]*\)")
_SUFFIXED = re.compile(r"\b[gst]?(brca(?:1/2|[12])?|esr1|pik3ca|idh[12]?|egfr|[kn]?ras|braf|tp53)(m|mut|wt)\b")
_CYTOGENETIC = re.compile(
    r"(?:(?P<kind>del|gain|amp)(?:etion)?(?: of)? ?\(? ?(?P<arm>\d{1,2}[pq])|"
    r"(?P<arm2>\d{1,2}[pq]) ?(?P<kind2>del|gain|amp|loss))"
)
_FAMILIES = {"RAS": {"KRAS", "NRAS", "HRAS"}, "BRCA": {"BRCA1", "BRCA2"}, "IDH": {"IDH1", "IDH2"}}
NO_FINDING = re.compile(
    r"\bnone\b|wild[- ]?type|\bwt\b|\bneg(?:ative)?\b|[a-z0-9]-(?=$|[/, ])|\bpending\b|"
    r"\babsent\b|\bnon-?mutated\b|\bwithout\b|\bvus\b|"
    r"\bbenign\b|uncertain significance|"
    r"\bnot (?:detected|identified|tested|performed|found|mutated|present|amplified)\b|"
    r"\bno (?:\w+ ){0,2}(?:mutations?|alterations?|variants?|fusions?|rearrangements?)\b"
)
_FUSION = re.compile(r"fusion|rearrang|translocat|::")
_RESIDUE = re.compile(r" [A-Z]\d+")
_UNSPECIFIED = "mutation"


def alteration_items(text: str) -> frozenset[str]:
    """Return the alterations that a normalised value reports; a part without any known gene is an item of its own."""
    items: set[str] = set()
    last_gene: str | None = None
    for part in filter(None, (_plain(part) for part in _PART.split(text))):
        found, last_gene = _items_of_part(part, last_gene)
        items |= found or (set() if NO_FINDING.search(part) else {_cytogenetic(part)})
    return frozenset(_without_subsumed(items))


def _plain(part: str) -> str:
    """Return a part without asides that report no finding, lists in brackets and suffixes (BRCA2m) written out."""
    part = _ASIDE.sub(lambda aside: " " if NO_FINDING.search(aside[0]) and genes_named(aside[0]) else aside[0], part)
    part = _LISTED.sub(r" \1", part)
    return _SUFFIXED.sub(lambda m: f"{m[1]} {'wild-type' if m[2] == 'wt' else 'mutation'}", part).strip()


def _cytogenetic(part: str) -> str:
    """Return a part without known genes; a lost or gained chromosome arm in one spelling: del(17p)."""
    match = _CYTOGENETIC.search(part)
    if not match:
        return part
    kind = {"loss": "del", "amp": "gain"}.get(found := match["kind"] or match["kind2"], found)
    return f"{kind}({match['arm'] or match['arm2']})"


def genes_named(text: str) -> list[Mention]:
    """Return the gene symbols in normalised text."""
    return _symbols().find(text)


def item_of(gene: str, alteration: str) -> str:
    """Return the canonical item of a gene's alteration, legacy and grouped names resolved."""
    return _aliases().get((gene, alteration), f"{gene} {alteration}")


def _items_of_part(part: str, last_gene: str | None) -> tuple[set[str], str | None]:
    """Return the items of one part and the gene it named last: of that gene speaks what names none ("L858R, T790M")."""
    items: set[str] = set()
    named = genes_named(part)
    last_gene = named[0].entry.code if named else last_gene
    for clause in filter(None, (clause.strip() for clause in _CLAUSE.split(_with_genes_joined(part)))):
        genes = genes_named(clause)
        last_gene = genes[-1].entry.code if genes else last_gene
        if last_gene and (genes or is_alteration(clause)) and not NO_FINDING.search(clause):
            items |= _items_of_clause(clause, genes, last_gene)
    return items, last_gene


def _items_of_clause(clause: str, genes: list[Mention], last_gene: str) -> set[str]:
    if len(genes) > 1 and (_FUSION.search(clause) or _are_joined(clause, genes)):
        return _fusion_items([mention.entry.code for mention in genes])
    if len(genes) > 1 and not _shares_alteration(clause, genes):
        bounds = [mention.start for mention in genes] + [len(clause)]
        spans = zip(genes, [0, *bounds[1:-1]], bounds[1:], strict=True)
        return {item_in_words(clause[start:end], mention.entry.code) for mention, start, end in spans}
    symbols = [mention.entry.code for mention in genes] or [last_gene]
    return {item_in_words(clause, symbols[-1])} | {_item_shared(clause, symbol) for symbol in symbols[:-1]}


def _with_genes_joined(part: str) -> str:
    """Return the part with "and" between two bare symbols written as a slash, so that they stay in one clause."""
    mentions = genes_named(part)
    for left, right in reversed(list(pairwise(mentions))):
        if part[left.end : right.start] in {" and ", " & "}:
            part = f"{part[: left.end]}/{part[right.start :]}"
    return part


def _item_shared(clause: str, gene: str) -> str:
    """Return what a clause says of a gene before the last: "CDK4 and MDM2 amplification", but "TP53 and KRAS G12D"."""
    item = item_in_words(clause, gene)
    return f"{gene} {_UNSPECIFIED}" if _RESIDUE.search(item) else item


def _are_joined(clause: str, genes: list[Mention]) -> bool:
    """Return whether two genes are written as fusion partners, as in EML4-ALK; with a slash, if they are known ones."""
    return any(
        (gap := clause[left.end : right.start]) in {"-", "::"}
        or (gap in {"/", ":"} and frozenset({left.entry.code, right.entry.code}) in _partners())
        for left, right in pairwise(genes)
    )


def _shares_alteration(clause: str, genes: list[Mention]) -> bool:
    """Return whether the genes stand side by side (KRAS/NRAS), so that one alteration is said of all."""
    gaps = [clause[left.end : right.start] for left, right in pairwise(genes)]
    return all(re.fullmatch(r"[ /&]*", gap) for gap in gaps)


def item_in_words(words: str, gene: str) -> str:
    """Return the item that normalised words say of one gene; "GENE mutation" when they specify none."""
    in_one_letter = one_letter(words)
    for pattern, entry in _gene_patterns(gene):
        if pattern.search(in_one_letter):
            return entry.item
    return item_of(gene, alteration_of(_symbols_removed(words)))


def _symbols_removed(words: str) -> str:
    for mention in reversed(genes_named(words)):
        words = f"{words[: mention.start]} {words[mention.end :]}"
    return words


def _fusion_items(genes: list[str]) -> set[str]:
    """Return the fusions by the genes for which they are known; a partner such as EML4 is not named."""
    known = {item for gene in genes if (item := item_of(gene, "fusion")) in _fusions()}
    return known or {item_of(genes[-1], "fusion")}


def _without_subsumed(items: set[str]) -> set[str]:
    specific_genes = {gene for gene, alteration in map(_split, items) if alteration != _UNSPECIFIED}
    genes = {gene for gene, _ in map(_split, items)}
    specific_genes |= {family for family, members in _FAMILIES.items() if members & genes}
    return items - {f"{gene} {_UNSPECIFIED}" for gene in specific_genes}


def _split(item: str) -> tuple[str, str]:
    gene, _, alteration = item.partition(" ")
    return gene, alteration


@cache
def _symbols() -> Lexicon:
    return Lexicon(entry for entry in vocabulary("gene_mutation") if entry.kind == "gene")


@cache
def _alterations() -> tuple[Entry, ...]:
    return tuple(entry for entry in vocabulary("gene_mutation") if entry.kind != "gene")


@cache
def _fusions() -> frozenset[str]:
    return frozenset(entry.item for entry in _alterations() if entry.kind == "fusion")


@cache
def _partners() -> frozenset[frozenset[str]]:
    """Return the pairs of genes whose fusion has an entry of its own, such as EML4 and ALK."""
    pairs = (entry.code.removesuffix(" fusion").split("-") for entry in _alterations() if entry.kind == "fusion")
    return frozenset(frozenset(pair) for pair in pairs if len(pair) > 1)


@cache
def _aliases() -> dict[tuple[str, str], str]:
    """Return the item of every (gene, alteration) that an entry's code, label or synonym spells."""
    aliases: dict[tuple[str, str], str] = {}
    for entry in _alterations():
        for form in (entry.code, *entry.surface_forms):
            spelled = alteration_of(_symbols_removed(normalised(form)))
            if spelled != _UNSPECIFIED or entry.alteration == _UNSPECIFIED:
                aliases.setdefault((entry.gene or "", spelled), entry.item)
    return aliases


@cache
def _gene_patterns(gene: str) -> tuple[tuple[re.Pattern[str], Entry], ...]:
    entries = [entry for entry in _alterations() if entry.gene == gene]
    return tuple((re.compile(pattern), entry) for entry in entries for pattern in entry.patterns)
