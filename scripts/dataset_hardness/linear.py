"""The baseline that knows words but no sentences: per field, one linear classifier for each item seen in training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import MultiLabelBinarizer
from sklearn.svm import LinearSVC

from extraction.schema import FIELDS, Field
from scripts.dataset_hardness.measure import Items, Labelled, f1
from scripts.dataset_hardness.nearest import WORD_PATTERN

_MIN_NOTES = 2
_HELD_OUT_EVERY = 7
_THRESHOLDS = np.arange(-1.0, 0.45, 0.05)
_SINGLE: frozenset[Field] = frozenset({"cancer_type", "stage"})


def linear(train: Sequence[Labelled], notes: Sequence[str]) -> list[Items]:
    """Return for each note the items whose linear SVM on word n-grams is sure enough.

    The threshold of a field is the one that does best on every seventh training note; the classifiers that answer
    are fitted on all of them.
    """
    vectorizer = TfidfVectorizer(token_pattern=WORD_PATTERN, ngram_range=(1, 3), min_df=2, sublinear_tf=True)
    known, asked = vectorizer.fit_transform(labelled.note for labelled in train), vectorizer.transform(notes)
    answers: list[Items] = [{} for _ in notes]
    for field in FIELDS:
        for answer, found in zip(answers, _answers(field, train, known, asked), strict=True):
            answer[field] = found
    return answers


def _answers(field: Field, train: Sequence[Labelled], known: Any, asked: Any) -> list[frozenset[str]]:
    golds = [labelled.items[field] for labelled in train]
    held_out = np.arange(len(train)) % _HELD_OUT_EVERY == 0
    classes, scores = _scores(golds, known, ~held_out, known[held_out])
    tuning = [{field: gold} for gold, is_out in zip(golds, held_out, strict=True) if is_out]

    def quality(threshold: float) -> tuple[float, float]:
        found = _chosen(field, classes, scores, threshold)
        return f1(field, tuning, [{field: items} for items in found]), -abs(threshold)

    best = max(_THRESHOLDS, key=quality)
    classes, scores = _scores(golds, known, np.ones(len(train), dtype=bool), asked)
    return _chosen(field, classes, scores, best)


def _scores(golds: list[frozenset[str]], known: Any, chosen: Any, asked: Any) -> tuple[list[str], Any]:
    """Return the items that are frequent enough and the margin of each for each note that is asked about."""
    fitted = [gold for gold, is_chosen in zip(golds, chosen, strict=True) if is_chosen]
    counts = Counter(item for gold in fitted for item in gold)
    classes = sorted(item for item, count in counts.items() if _MIN_NOTES <= count < len(fitted))
    if not classes:
        return [], np.zeros((asked.shape[0], 0))
    targets = MultiLabelBinarizer(classes=classes).fit_transform([gold & set(classes) for gold in fitted])
    model = OneVsRestClassifier(LinearSVC(C=2.0)).fit(known[chosen], targets)
    return classes, model.decision_function(asked).reshape(asked.shape[0], -1)[:, -len(classes) :]


def _chosen(field: Field, classes: list[str], scores: Any, threshold: float) -> list[frozenset[str]]:
    if not classes:
        return [frozenset()] * len(scores)
    if field in _SINGLE:
        best = scores.argmax(axis=1)
        return [
            frozenset({classes[place]} if row[place] > threshold else ())
            for place, row in zip(best, scores, strict=True)
        ]
    return [frozenset(classes[place] for place in np.flatnonzero(row > threshold)) for row in scores]
