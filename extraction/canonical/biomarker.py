"""Biomarkers: "MARKER value" items, the value a named result, a number or a level in words.

A value's text is cut at the names of markers; what stands between two of them belongs to the first, unless it is a
qualifier that leads the second ("elevated CA-125"). Untested and pending markers are no results and vanish.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from extraction.canonical.alteration import NO_FINDING, genes_named
from extraction.lexicon import Lexicon, Mention
from extraction.vocabulary import Entry, vocabulary
from extraction.wording import normalised

_SHORTHAND = (
    (re.compile(r"\( ?([+-]) ?\)"), r"\1"),
    (re.compile(r"\b(er|pr|pgr|her-?2|hr)(pos|neg)\b"), r"\1 \2"),
    (re.compile(r"\btriple[ -]negative\b|\btnbc\b"), "; er negative; pr negative; her2 negative; "),
    (re.compile(r"\btriple[ -]positive\b"), "; er positive; pr positive; her2 positive; "),
    (re.compile(r"\b(?:hormone[ -]receptors?|hr)[ -]?(?:pos(?:itive)?\b|\+)"), "; er positive; pr positive; "),
    (re.compile(r"\b(?:hormone[ -]receptors?|hr)[ -]?(?:neg(?:ative)?\b|-(?!\w))"), "; er negative; pr negative; "),
    (re.compile(r"(?<=\d),(?=\d{3}\b)"), ""),
    # an assay that was not done takes nothing from the result of another one
    (re.compile(r"\b(?:reflex )?[fcd]?ish\b(?: testing)?(?: is| was)? (?:pending|awaited|not (?:performed|done))"), ""),
    # of two values the later one is current
    (re.compile(r"\bfrom \d[\d.]*(?: ?[a-z%/]+)? to (?=\d)|\d[\d.]*(?: ?[a-z%/]+)? -> (?=\d)"), ""),
    (re.compile(r"\bdoubling time\b[^;,]*"), "rising"),
)
_LIMIT = (
    r"(?: the)?(?: institutional)?(?: upper limit| ?uln\b| normal(?: limits?| range)?\b)"
    r"(?: of (?:the )?normal(?: range)?)?"
)
_AGAINST_LIMIT = (
    (re.compile(rf"(?:\babove|\bover|\bexceed\w*|(?:greater|higher) than|>=?){_LIMIT}"), "elevated"),
    (re.compile(rf"(?:\d[\d.]* ?(?:x|times)|\btwice|\bdouble|(?:\w+|\d)[ -]?(?:times|fold)){_LIMIT}"), "elevated"),
    (re.compile(rf"(?:\bbelow|\bunder|\bwithin|(?:less|lower) than|<=?){_LIMIT}"), "normal"),
    (re.compile(r"\bnot (?:elevated|raised|high|increased)\b"), "normal"),
    (re.compile("\u2191"), " elevated "),
)
_UNTESTED = re.compile(
    r"\bnot (?:tested|performed|done|assessed|reported|available|sent|documented|evaluated)\b|\bpending\b|\bunknown\b|"
    r"\bunavailable\b|\binsufficient\b|\bawaited\b|\bindeterminate\b|\binconclusive\b|\bn/a\b|\btbd\b"
)
_LEADING = re.compile(
    r"(?:[;,/(]|\band\b|\bwith\b)\s*((?:markedly |strongly |mildly )?(?:elevated|raised|high|low|normal|positive|"
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
_BARE = re.compile(r"(?:[\s/,&()]|\band\b|\bboth\b|\bthe\b|\bstatus\b|\breceptors?\b|\bexpression\b)*")


@dataclass(frozen=True)
class _Segment:
    """One marker of a part, the words that describe it and the names by which it was called."""

    marker: Entry
    words: str
    names: str

    @property
    def is_bare(self) -> bool:
        """Return whether nothing is said of the marker itself, as of ER in "ER/PR positive"."""
        return self.marker.code in _PAIRED and bool(_BARE.fullmatch(self.words))

    @property
    def described(self) -> str:
        """Return words and names, since dMMR and TMB-high are results themselves."""
        return f"{self.words.rstrip()} {self.names}".rstrip()


def biomarker_items(text: str) -> frozenset[str]:
    """Return the results that a normalised value reports."""
    for pattern, replacement in (*_SHORTHAND, *_AGAINST_LIMIT):
        text = pattern.sub(replacement, text)
    items: set[str] = set()
    unknown: set[str] = set()
    for part in filter(None, (part.strip(" .,/") for part in text.split(";"))):
        results = list(_results(part))
        items |= {f"{marker.code} {value}" for marker, value in results if value}
        is_normal_gene = genes_named(part) and NO_FINDING.search(part)
        is_word = bool(re.search(r"\w", part))
        if is_word and not results and not _UNTESTED.search(part) and not is_normal_gene:
            unknown.add(part)
    return frozenset(items | unknown)


def markers_named(text: str) -> frozenset[str]:
    """Return the codes of the markers that normalised text names, themselves or by a result (dMMR)."""
    return frozenset(mention.entry.code for mention in marker_mentions(text))


def marker_mentions(text: str) -> list[Mention]:
    """Return where normalised text names markers, themselves or by a result."""
    return _markers().find(text)


def _results(part: str) -> Iterator[tuple[Entry, str | None]]:
    """Yield each marker of the part with its value, None when it was not tested.

    A marker with nothing of its own takes its neighbour's value: "ER/PR positive".
    """
    inherited: str | None = None
    for segment in reversed(_segments(part)):
        if segment.is_bare and inherited:
            yield segment.marker, inherited
        elif _UNTESTED.search(segment.words):
            yield segment.marker, None
        else:
            inherited = _value(segment.marker, segment.described)
            yield segment.marker, inherited


def _segments(part: str) -> list[_Segment]:
    """Return each marker named in the part with the words that describe it; repeats of a name are one marker."""
    segments: list[_Segment] = []
    neighbourhoods = _neighbourhoods(_markers().find(part))
    leading = part[: neighbourhoods[0][0].start] if neighbourhoods else ""
    for at, mentions in enumerate(neighbourhoods):
        following = neighbourhoods[at + 1][0] if at + 1 < len(neighbourhoods) else None
        ends = [mention.start for mention in mentions[1:]] + [following.start if following else len(part)]
        slices = [part[mention.end : end] for mention, end in zip(mentions, ends, strict=True)]
        lead_of_next = _LEADING.search(slices[-1]) if following else None
        if lead_of_next:
            slices[-1] = slices[-1][: lead_of_next.start()]
        names = " ".join(_named_value(mention, part) for mention in mentions)
        segments.append(_Segment(mentions[0].entry, f"{' '.join(slices)} {leading}", names))
        leading = lead_of_next[1] if lead_of_next else ""
    return segments


def _named_value(mention: Mention, part: str) -> str:
    """Return the matched words when they are the name of a result themselves, such as dMMR."""
    return part[mention.start : mention.end] if mention.entry.kind in {"status", "category"} else ""


def _neighbourhoods(mentions: list[Mention]) -> list[list[Mention]]:
    """Return mentions with repeats of one marker together: "MSI-H (dMMR)" is one result."""
    grouped: list[list[Mention]] = []
    for mention in mentions:
        if grouped and grouped[-1][0].entry.code == mention.entry.code:
            grouped[-1].append(mention)
        else:
            grouped.append([mention])
    return grouped


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
