"""One spelling per alteration: protein and coding changes, exons, fusions, copy number.

The Human Genome Variation Society's protein names come in one or three letters; here they are one letter, upper case,
X for a stop. A frameshift's new length is not told apart.
"""

from __future__ import annotations

import re

from extraction.alignment import AlignedText

_ONE_LETTER = {
    "ala": "a", "arg": "r", "asn": "n", "asp": "d", "cys": "c", "gln": "q", "glu": "e", "gly": "g", "his": "h",
    "ile": "i", "leu": "l", "lys": "k", "met": "m", "phe": "f", "pro": "p", "ser": "s", "thr": "t", "trp": "w",
    "tyr": "y", "val": "v", "ter": "*",
}  # fmt: skip
_THREE = "|".join(_ONE_LETTER)
_THREE_LETTERS = re.compile(rf"(?<![a-z])({_THREE})(\d+)((?:{_THREE})(?=fs|[^a-z]|$))?")
_RANGE_END = re.compile(rf"(?<=_)({_THREE})(?=\d)")
_AA = "[acdefghiklmnpqrstvwy]"
_KINDS = {"del": "deletion", "ins": "insertion", "skip": "skipping", "dup": "insertion", "mut": "mutation"}
_EXON = (
    re.compile(r"\be(?:xon|x)?\.? ?(?P<number>\d{1,2})(?!\d).{0,14}?(?P<kind>del|ins|skip|dup)"),
    re.compile(r"(?P<kind>del|ins|skip|dup)\w*(?: \w+)? .{0,6}?(?:exon|ex)\.? ?(?P<number>\d{1,2})(?!\d)"),
    re.compile(r"\b(?P<kind>del)(?:etion)?\.? ?(?P<number>19)\b"),
    re.compile(r"\b(?P<number>19) ?(?P<kind>del)"),
    re.compile(r"\b(?:exon|ex)[ -]?(?P<number>\d{1,2})(?!\d)(?P<kind>)"),
)
_WORDS = (
    ("ITD", r"\bitd\b|internal tandem"),
    ("vIII", r"v ?iii\b|variant (?:iii|3)\b"),
    ("promoter", r"promoter"),
    ("fusion", r"fusion|(?<!large )(?<!genomic )rearrang|translocat|::|double[- ]hit"),
    ("amplification", r"amplif|copy[- ]number gain|\bgain\b|\bamps?\b"),
    ("loss", r"\bloss\b(?![ -]of[ -]function)|\blost\b|\bdeletion\b|\bdeleted\b|\bdel\b"),
    ("splice", r"splic"),
    ("TKD", r"\btkd\b|tyrosine kinase domain"),
    ("V7", r"\bv7\b|variant 7\b"),
)
_UNSPECIFIED = "mutation"


def alteration_of(text: str) -> str:
    """Return the canonical alteration in normalised text without its gene; "mutation" when none is specified."""
    text = one_letter(re.sub(r"\bp\.\(?", "", text))
    return _coding_change(text) or _protein_change(text) or _coding_substitution(text) or _exon(text) or _word(text)


def is_alteration(text: str) -> bool:
    """Return whether normalised text names an alteration at all, rather than something else after a comma."""
    return alteration_of(text) != _UNSPECIFIED or bool(re.search(r"mutat|mutant|variant|altered", text))


def one_letter(text: str) -> str:
    """Return normalised text with three-letter amino acids of protein changes replaced by one letter."""

    return _THREE_LETTERS.sub(_shortened, _RANGE_END.sub(_shortened_end, text))


def aligned_one_letter(text: str) -> AlignedText:
    """Return the same as `one_letter`, with the place from which each character came."""
    return AlignedText.of(text).sub(_RANGE_END, _shortened_end).sub(_THREE_LETTERS, _shortened)


def _shortened(match: re.Match[str]) -> str:
    return _ONE_LETTER[match[1]] + match[2] + _ONE_LETTER.get(match[3] or "", "")


def _shortened_end(match: re.Match[str]) -> str:
    return _ONE_LETTER[match[1]]


def _coding_change(text: str) -> str | None:
    """Return a coding deletion, insertion or duplication, or a legacy name such as 185delAG.

    HGVS lets the bases of c.68_69delAG and of c.5266dupC go unsaid, so they are left out.
    """
    match = re.search(r"(?:\bc\.|(?<![\w.]))(\d[\d_+-]*(?:delins|del|ins|dup)(?:[acgt]+|\d+)?)\b", text)
    if not match:
        return None
    position, bases = re.fullmatch(r"(.*?(?:delins|del|ins|dup))(.*)", match[1]).groups()  # type: ignore[union-attr]
    if not match[0].startswith("c."):
        return f"{position}{bases.upper()}"
    return f"c.{position}" if position.endswith(("del", "dup")) else f"c.{position}{bases.upper()}"


def _protein_change(text: str) -> str | None:
    if match := re.search(rf"\b({_AA}\d+)_({_AA}\d+)(delins|del|ins|dup)({_AA}*)", text):
        return f"{match[1].upper()}_{match[2].upper()}{match[3]}{match[4].upper()}"
    if match := re.search(rf"\b({_AA}\d{{1,4}}){_AA}?fs", text):
        return f"{match[1].upper()}fs"
    if match := re.search(rf"\b({_AA}\d{{1,4}})({_AA}|\*|x|ter|stop)(?![a-z0-9])", text):
        return match[1].upper() + re.sub(r"\*|ter|stop", "x", match[2]).upper()
    if match := re.search(rf"\b({_AA}\d{{2,4}})(?![a-z0-9])", text):
        return match[1].upper()
    return None


def _coding_substitution(text: str) -> str | None:
    match = re.search(r"\bc\.(-?\d[\d+*-]*)([acgt])>([acgt])", text)
    return f"c.{match[1]}{match[2].upper()}>{match[3].upper()}" if match else None


def _exon(text: str) -> str | None:
    for pattern in _EXON:
        if match := pattern.search(text):
            return f"exon {match['number']} {_KINDS[match['kind'] or 'mut']}"
    return None


def _word(text: str) -> str:
    return next((name for name, pattern in _WORDS if re.search(pattern, text)), _UNSPECIFIED)
