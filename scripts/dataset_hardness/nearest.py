"""The baseline that has read everything and understood nothing: the labels of the most similar training note."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from scripts.dataset_hardness.measure import Items, Labelled

WORD_PATTERN = r"[^\W_](?:[\w.%+*/-]*[\w%+*])?"  # keeps L858R, PD-L1, 1/2, HER2+ and 10% whole


def nearest_neighbour(train: Sequence[Labelled], notes: Sequence[str]) -> list[Items]:
    """Return for each note the items of the training note with the highest TF-IDF cosine."""
    vectorizer = TfidfVectorizer(token_pattern=WORD_PATTERN, ngram_range=(1, 2), sublinear_tf=True)
    known = vectorizer.fit_transform(labelled.note for labelled in train)
    similarity = vectorizer.transform(notes) @ known.T
    return [train[int(place)].items for place in np.asarray(similarity.argmax(axis=1)).ravel()]
