"""Figures of variety and likeness of texts; the gates compare them with their bounds.

Tokens are words and punctuation marks. What counts words (MSTTR, vocabulary) takes only tokens that begin with a letter
or digit, or hold a letter: punctuation is no word, and counting it would punish well-punctuated prose.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from math import exp, log

from casebook.note import Note

_TOKEN = re.compile(r"\w+(?:[-'.]\w+)*|[^\w\s]")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n")
_DISTINCT_TOKENS = 30_000
_BLEU_HYPOTHESES = 100


def words(text: str) -> list[str]:
    """Return the tokens of a text, lower-cased."""
    return _TOKEN.findall(text.lower())


def ngrams(tokens: Sequence[str], size: int) -> list[tuple[str, ...]]:
    """Return the runs of `size` tokens."""
    return list(zip(*(tokens[start:] for start in range(size)), strict=False))


def vocabulary_of(tokens: Iterable[list[str]]) -> set[str]:
    """Return the different words with at least one letter."""
    return {word for note in tokens for word in note if any(character.isalpha() for character in word)}


def nearest_jaccard(queries: list[list[str]], others: list[list[str]], size: int = 3) -> list[float]:
    """Return for each query the largest Jaccard similarity of its n-gram set with any of the others."""
    sets = [frozenset(ngrams(tokens, size)) for tokens in others]
    places: defaultdict[tuple[str, ...], list[int]] = defaultdict(list)
    for index, grams in enumerate(sets):
        for gram in grams:
            places[gram].append(index)
    nearest = []
    for tokens in queries:
        grams = frozenset(ngrams(tokens, size))
        shared = Counter(index for gram in grams for index in places.get(gram, ()))
        nearest.append(
            max((count / (len(grams) + len(sets[index]) - count) for index, count in shared.items()), default=0.0)
        )
    return nearest


def coverage(queries: list[list[str]], others: list[list[str]], size: int) -> float:
    """Return the share of the queries' n-grams that occur in the others."""
    known = {gram for tokens in others for gram in ngrams(tokens, size)}
    grams = [gram for tokens in queries for gram in ngrams(tokens, size)]
    return sum(gram in known for gram in grams) / max(1, len(grams))


def distinct(tokens: Iterable[list[str]], size: int) -> float:
    """Return the share of different n-grams among the first 30,000 tokens."""
    kept: list[list[str]] = []
    total = 0
    for note in tokens:
        kept.append(note[: max(0, _DISTINCT_TOKENS - total)])
        total += len(kept[-1])
    grams = [gram for note in kept for gram in ngrams(note, size)]
    return len(set(grams)) / max(1, len(grams))


def msttr(tokens: Iterable[list[str]], window: int = 100) -> float:
    """Return the mean share of different words in consecutive windows of 100 words.

    Only tokens that begin with a letter or digit count: punctuation is no word. Source: Johnson 1944; Malvern 2004.
    """
    flat = [word for note in tokens for word in note if word[0].isalnum()]
    windows = [flat[start : start + window] for start in range(0, len(flat) - window + 1, window)]
    return sum(len(set(part)) / window for part in windows) / max(1, len(windows))


def self_bleu(tokens: list[list[str]]) -> float:
    """Return the mean BLEU-4, in per cent, of the first notes against all the others as references.

    Source: Zhu et al. 2018, Texygen; smoothed by one count where an order has no match.
    """
    scores = [_bleu(index, tokens) for index in range(min(_BLEU_HYPOTHESES, len(tokens)))]
    return 100 * sum(scores) / max(1, len(scores))


def _bleu(index: int, tokens: list[list[str]]) -> float:
    hypothesis = tokens[index]
    logs = 0.0
    for size in (1, 2, 3, 4):
        counts = Counter(ngrams(hypothesis, size))
        best = _best_counts(counts, [other for place, other in enumerate(tokens) if place != index], size)
        matched = sum(min(count, best[gram]) for gram, count in counts.items())
        logs += log(max(matched, 1) / max(1, sum(counts.values())))
    return exp(logs / 4)


def _best_counts(counts: Counter[tuple[str, ...]], references: list[list[str]], size: int) -> Counter[tuple[str, ...]]:
    best: Counter[tuple[str, ...]] = Counter()
    for reference in references:
        found = Counter(gram for gram in ngrams(reference, size) if gram in counts)
        best |= found
    return best


def masked(note: Note) -> str:
    """Return the note with every slot and every number replaced by an underscore.

    A clause that is a distractor as a whole (its tag names no text) or that implies a response without naming it has
    no slot: its words are a frame's and stay, without their numbers.
    """
    parts: list[str] = []
    at = 0
    for span in note.spans:
        if _is_whole_clause(span.tag):
            continue
        parts += [note.record.input[at : span.start], "_"]
        at = span.end
    return re.sub(r"\d+(?:\.\d+)?", "_", "".join([*parts, note.record.input[at:]]))


def _is_whole_clause(tag: str) -> bool:
    if tag.startswith("!"):
        return tag.endswith("|")
    return tag.startswith("response|") and not tag.endswith("|")


def skeletons(texts: Iterable[str]) -> list[str]:
    """Return the sentences and lines of masked texts."""
    return [part for text in texts for part in _SENTENCE.split(text) if part.strip()]
