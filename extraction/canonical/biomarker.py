"""Biomarkers: "MARKER value" items, the value a named result, a number or a level in words.

A value's text is cut at the names of markers; what stands between two of them belongs to the first, unless it is a
qualifier that leads the second ("elevated CA-125"). Untested and pending markers are no results and vanish.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache

from extraction.canonical.alteration import NO_FINDING, genes_named
from extraction.lexicon import Lexicon, Mention
from extraction.vocabulary import Entry, vocabulary
from extraction.wording import normalised

_SHORTHAND = (
    (re.compile(r"\btriple[ -]negative\b|\btnbc\b"), "er negative; pr negative; her2 negative"),
    (re.compile(r"\b(?:hormone[ -]receptors?|hr)[ -]?(?:positive|\+)"), "er positive; pr positive"),
    (re.compile(r"\b(?:hormone[ -]receptors?|hr)[ -]?(?:negative|-(?!\w))"), "er negative; pr negative"),
    (re.compile(r"(?<=\d),(?=\d{3}\b)"), ""),
)
_UNTESTED = re.compile(
    r"\bnot (?:tested|performed|done|assessed|reported|available|sent|documented|evaluated)\b|\bpending\b|\bunknown\b|"
    r"\bunavailable\b|\binsufficient\b|\bawaited\b"
)
_LEADING = re.compile(
    r"(?:^|[;,/(]|\band\b|\bwith\b)\s*((?:markedly |strongly |mildly )?(?:elevated|raised|high|low|normal|positive|"
    r"negative|undetectable|unmethylated|methylated|rising|falling|declining|increasing|decreasing|loss of|absent|"
    r"deficient|proficient))\s*$"
)
_NEGATIVE = re.compile(
    r"negative|\bneg\b|absent|not (?:detected|expressed|amplified)|undetect|^ ?-(?![a-z0-9])|\bno\b|\bnone\b"
)
_POSITIVE = re.compile(r"positiv|\bpos\b|^ ?\+|(?<!not )detected|present|avid|expressed|express")
_NUMBER = re.compile(
    r"(?P<sign><=|>=|<|>|less than|greater than|under|over)? ?~?"
    r"(?P<number>\d+(?:\.\d+)?)(?:-(?P<upper>\d+(?:\.\d+)?))?(?![\d+])"
)
_SIGNS = {"<": "<", "<=": "<", "less than": "<", "under": "<", ">": ">", ">=": ">", "greater than": ">", "over": ">"}
_LEVELS = (
    ("undetectable", r"undetect"),
    ("normal", r"\b(?:normal|wnl|within normal)"),
    ("falling", r"declin|decreas|fall|drop|reduc|nadir"),
    ("rising", r"\bris(?:ing|e)|increas|up-?trend|doubling"),
    ("elevated", r"elevat|\bhigh\b|raised|\babove\b|\bup\b"),
    ("low", r"\blow\b"),
)
_NUMBER_FIRST = {"percent", "level"}
_PAIRED = {"ER", "PR", "HER2", "HPV", "p16"}


def biomarker_items(text: str) -> frozenset[str]:
    """Return the results that a normalised value reports."""
    for pattern, replacement in _SHORTHAND:
        text = pattern.sub(replacement, text)
    items: set[str] = set()
    unknown: set[str] = set()
    for part in filter(None, (part.strip(" .,") for part in text.split(";"))):
        results = list(_results(part))
        items |= {f"{marker.code} {value}" for marker, value in results if value}
        is_normal_gene = genes_named(part) and NO_FINDING.search(part)
        if not results and not _UNTESTED.search(part) and not is_normal_gene:
            unknown.add(part)
    return frozenset(items | unknown)


def markers_named(text: str) -> frozenset[str]:
    """Return the codes of the markers that normalised text names, themselves or by a result (dMMR)."""
    return frozenset(mention.entry.code for mention in _markers().find(text))


def _results(part: str) -> Iterator[tuple[Entry, str | None]]:
    """Yield each marker of the part with its value, None when it was not tested.

    A marker with nothing of its own takes its neighbour's value: "ER/PR positive".
    """
    inherited: str | None = None
    for marker, words in reversed(_segments(part)):
        is_bare = not words.strip(" /,&-()") or words.strip() in {"and", "/", "&"}
        if is_bare and marker.code in _PAIRED and inherited:
            yield marker, inherited
        elif _UNTESTED.search(words):
            yield marker, None
        else:
            inherited = _value(marker, words)
            yield marker, inherited


def _segments(part: str) -> list[tuple[Entry, str]]:
    """Return each marker named in the part with the words that describe it."""
    mentions = _one_per_neighbourhood(_markers().find(part))
    segments: list[tuple[Entry, str]] = []
    if not mentions:
        return segments
    leading = part[: mentions[0].start]
    for mention, following in zip(mentions, [*mentions[1:], None], strict=True):
        between = part[mention.end : following.start if following else len(part)]
        lead_of_next = _LEADING.search(between) if following else None
        own = between[: lead_of_next.start()] if lead_of_next else between
        segments.append((mention.entry, f"{own} {leading}{_named_value(mention, part)}".rstrip()))
        leading = lead_of_next[1] if lead_of_next else ""
    return segments


def _named_value(mention: Mention, part: str) -> str:
    """Return the matched words when they are the name of a result themselves, such as dMMR."""
    matched = part[mention.start : mention.end]
    return f" {matched}" if mention.entry.kind in {"status", "category"} else ""


def _one_per_neighbourhood(mentions: list[Mention]) -> list[Mention]:
    """Return mentions with repeats of the marker before dropped: "MSI-H (dMMR)" is one result."""
    kept: list[Mention] = []
    for mention in mentions:
        if not kept or kept[-1].entry.code != mention.entry.code:
            kept.append(mention)
    return kept


def _value(marker: Entry, words: str) -> str:
    number = _number(marker, words)
    named = _named(marker, words)
    if marker.kind in _NUMBER_FIRST:
        return number or named or _level_in_words(marker, words)
    return named or _status(marker, words, number)


def _named(marker: Entry, words: str) -> str | None:
    """Return the code of the first value whose pattern fits, resolved to what it equals."""
    for value in marker.values:
        if any(re.search(pattern, words) for pattern in value.patterns):
            return value.equals or value.code
    return None


def _number(marker: Entry, words: str) -> str | None:
    match = _NUMBER.search(
        re.sub(r"\((?:22c3|28-8|sp142|sp263|73-10)\)|\b(?:22c3|28-8|sp142|sp263|73-10)\b", " ", words)
    )
    if not match:
        return None
    sign = _SIGNS.get(match["sign"] or "", "")
    number = match["number"].rstrip("0").rstrip(".") if "." in match["number"] else match["number"]
    upper = f"-{match['upper']}" if match["upper"] else ""
    if marker.kind == "percent":
        return "<1%" if number == "0" else f"{sign}{number}{upper}%"
    return f"{sign}{number}{upper}"


def _status(marker: Entry, words: str, number: str | None) -> str:
    codes = {value.code for value in marker.values}
    is_zero = number in {"0", "<1"}
    if (is_zero or _NEGATIVE.search(words)) and "negative" in codes:
        return "negative"
    if re.search(r"\blow\b", words) and "low" in codes:
        return "low"
    if "positive" in codes:
        return "positive"
    return number or marker.values[0].code


def _level_in_words(marker: Entry, words: str) -> str:
    for level, pattern in _LEVELS:
        if re.search(pattern, words):
            return level
    if marker.kind == "percent" and _NEGATIVE.search(words):
        return "<1%"
    return "positive" if _POSITIVE.search(words) or marker.kind == "percent" else "stated"


@cache
def _markers() -> Lexicon:
    """Return the lexicon of marker names; a value's name (dMMR, TMB-high) names its marker too."""
    named = [entry.model_copy(update={"synonyms": _marker_names(entry)}) for entry in vocabulary("biomarker")]
    return Lexicon(named)


def _marker_names(entry: Entry) -> tuple[str, ...]:
    of_values = [form for value in entry.values for form in (value.label, *value.synonyms)]
    return (*entry.synonyms, *(form for form in of_values if not _is_found_by_name(form, entry)))


def _is_found_by_name(form: str, entry: Entry) -> bool:
    return any(mention.entry.code == entry.code for mention in Lexicon([entry]).find(normalised(form)))
