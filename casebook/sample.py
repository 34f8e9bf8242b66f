"""Finds notes of a genre or an entity among those that a seed gives, for a reviewer to read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from casebook.catalogue import catalogue
from casebook.generate import DEFAULT_SEED, SPLITS, cases, sound_note, split_of
from casebook.note import Edition, Note, barred_genres

CASES_TRIED = 40_000


class UnknownChoiceError(ValueError):
    """A genre or an entity that the casebook does not have, or a pair that no note can be; the message says which."""


@dataclass(frozen=True)
class Wanted:
    """Which notes; with the dataset's own seed the first are the dataset's, and a rare kind goes on beyond its end."""

    genre: str | None = None
    entity: str | None = None
    count: int = 5
    seed: int = DEFAULT_SEED


def sample_notes(wanted: Wanted) -> Iterator[tuple[str, Note]]:
    """Yield up to `count` notes with the split that each belongs to.

    Raises: UnknownChoiceError.
    """
    genre = _choice("genre", wanted.genre, {name: name for name in catalogue().genres})
    entity = _choice("entity", wanted.entity, _entities())
    if genre in {name for law in catalogue().entities if law.code == entity for name in barred_genres(law)}:
        raise UnknownChoiceError(f"There are no notes of the genre {genre} about {entity}, with any seed")
    return islice(_matching(wanted.seed, genre, entity), wanted.count)


def _matching(seed: int, genre: str | None, entity: str | None) -> Iterator[tuple[str, Note]]:
    splits = SPLITS if genre is None else tuple(catalogue().genres[genre].get("splits", SPLITS))
    seen: set[str] = set()
    for case in islice(cases(seed), CASES_TRIED):
        split = split_of(case)
        if split not in splits or entity not in {None, case.entity.code}:
            continue
        note = sound_note(case, Edition(seed, split, catalogue()), seen)
        if note is not None and genre in {None, note.genre}:
            seen.add(note.record.input)
            yield split, note


def _entities() -> dict[str, str]:
    """Return the code of each entity by code and by label."""
    entities = catalogue().entities
    return {entity.label.lower(): entity.code for entity in entities} | {
        entity.code: entity.code for entity in entities
    }


def _choice(kind: str, asked: str | None, known: dict[str, str]) -> str | None:
    if asked is None:
        return None
    name = asked.strip().lower()
    found = known.get(name) or known.get(name.replace(" ", "_").replace("-", "_"))
    if found is None:
        raise UnknownChoiceError(f"There is no such {kind}. There are: {', '.join(sorted(set(known.values())))}")
    return found
