"""The quality gates: figures of variety, leakage and balance with the bounds that a dataset must keep.

Every figure is computed from finished notes; the masked ones replace each tagged span, because slot filling alone
makes plain figures look varied.
"""

from __future__ import annotations

import re
import zlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import exp, log

from casebook.course import problems
from casebook.note import Note
from casebook.verify import faults

_WORD = re.compile(r"\w+(?:[-'.]\w+)*|[^\w\s]")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n")
_DISTINCT_TOKENS = 30_000
_BLEU_HYPOTHESES = 100
_SAMPLE = 500


@dataclass(frozen=True)
class Gate:
    """One figure with its bound."""

    name: str
    value: float
    bound: float
    is_minimum: bool = False

    @property
    def passes(self) -> bool:
        """Return True when the value keeps the bound."""
        return self.value >= self.bound if self.is_minimum else self.value <= self.bound


def words(text: str) -> list[str]:
    """Return the tokens of a text, lower-cased."""
    return _WORD.findall(text.lower())


def ngrams(tokens: Sequence[str], size: int) -> list[tuple[str, ...]]:
    """Return the runs of `size` tokens."""
    return list(zip(*(tokens[start:] for start in range(size)), strict=False))


def measure(notes: dict[str, list[Note]]) -> list[Gate]:
    """Return every gate for a generated dataset."""
    train, validation = notes["train"], notes["validation"]
    every = [note for found in notes.values() for note in found]
    return [*_soundness(every, notes), *_leakage(train, validation), *_variety(train[:_SAMPLE]), *_masked(train)]


def _soundness(every: list[Note], notes: dict[str, list[Note]]) -> list[Gate]:
    keys = {split: {note.case.key for note in found} for split, found in notes.items()}
    shared = len(keys["train"] & keys["validation"]) + len((keys["train"] | keys["validation"]) & keys["challenge"])
    return [
        Gate("notes with a fault of schema, grounding or canonical form", sum(bool(faults(note)) for note in every), 0),
        Gate("cases with a clinical problem", sum(bool(problems(note.case)) for note in every), 0),
        Gate("duplicate notes", len(every) - len({note.record.input for note in every}), 0),
        Gate("case keys shared between splits", shared, 0),
    ]


def _leakage(train: list[Note], validation: list[Note]) -> list[Gate]:
    train_tokens = [words(note.record.input) for note in train]
    validation_tokens = [words(note.record.input) for note in validation]
    nearest = sorted(nearest_jaccard(validation_tokens, train_tokens))
    outputs = {note.record.output for note in train}
    seen = sum(note.record.output in outputs for note in validation) / max(1, len(validation))
    return [
        Gate("3-gram Jaccard validation -> train, 95th percentile", nearest[int(0.95 * len(nearest))], 0.30),
        Gate("3-gram Jaccard validation -> train, maximum", nearest[-1], 0.50),
        Gate("8-gram coverage of validation by train", coverage(validation_tokens, train_tokens, 8), 0.20),
        Gate("13-gram coverage of validation by train", coverage(validation_tokens, train_tokens, 13), 0.03),
        Gate("validation outputs seen in train", seen, 0.05),
    ]


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


def _variety(sample: list[Note]) -> list[Gate]:
    texts = [note.record.input for note in sample]
    tokens = [words(text) for text in texts]
    joined = "\n".join(texts).encode()
    return [
        Gate("distinct-2", distinct(tokens, 2), 0.30, is_minimum=True),
        Gate("distinct-3", distinct(tokens, 3), 0.55, is_minimum=True),
        Gate("distinct-4", distinct(tokens, 4), 0.70, is_minimum=True),
        Gate("self-BLEU-4", self_bleu(tokens), 65.0),
        Gate("zlib ratio", len(joined) / max(1, len(zlib.compress(joined, 9))), 4.3),
        Gate("MSTTR-100", msttr(tokens), 0.80, is_minimum=True),
    ]


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
    """Return the mean share of different words in consecutive windows of 100 tokens."""
    flat = [word for note in tokens for word in note]
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


def _masked(train: list[Note]) -> list[Gate]:
    texts = [masked(note) for note in train]
    skeletons = [part for text in texts[:_SAMPLE] for part in _SENTENCE.split(text) if part.strip()]
    commonest = Counter(skeletons).most_common(1)[0][1] / max(1, len(skeletons)) if skeletons else 0.0
    vocabulary = {word for note in train for word in words(note.record.input)}
    return [
        Gate("masked distinct-4", distinct([words(text) for text in texts[:_SAMPLE]], 4), 0.50, is_minimum=True),
        Gate("distinct masked sentence skeletons", len(set(skeletons)) / max(1, len(skeletons)), 0.80, is_minimum=True),
        Gate("commonest masked skeleton", commonest, 0.003),
        Gate("vocabulary of train", len(vocabulary), 5000, is_minimum=True),
    ]


def masked(note: Note) -> str:
    """Return the note with every tagged span and every number replaced by an underscore."""
    parts: list[str] = []
    at = 0
    for span in note.spans:
        parts += [note.record.input[at : span.start], "_"]
        at = span.end
    return re.sub(r"\d+(?:\.\d+)?", "_", "".join([*parts, note.record.input[at:]]))
