"""Which run's release the Hub's main holds: a pointer in the bucket, for the gate and for the rollback.

The gate has no token for a private repository, so it cannot ask the Hub. Why:
docs/decisions/0013-a-pointer-to-the-published-release.md
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pydantic import ValidationError

from slm_core.errors import AwsUnavailableError, ReleaseHistoryInvalidError
from slm_core.layout import release_key
from slm_core.records import Release, ReleaseHistory
from slm_core.store import Version

_LONGEST_HISTORY = 200
_ATTEMPTS = 5


class VersionedObjects(Protocol):
    """Where the pointer lies: the bucket, or what a rehearsal kept of it."""

    def read_version(self, key: str) -> Version | None:
        """Return an object with the name of its version, or None."""

    def put_version(self, key: str, content: bytes, replaced: Version | None) -> bool:
        """Put an object if it is still that version, and return whether it was put."""


class ReleasePointer:
    """The history of one repository's releases."""

    def __init__(self, objects: VersionedObjects, repo_id: str) -> None:
        self.repo_id = repo_id
        self._objects = objects
        self._key = release_key(repo_id)

    def read(self) -> ReleaseHistory:
        """Return the history; an empty one when nothing was published yet.

        Raises: ReleaseHistoryInvalidError.
        """
        return self._parse(self._objects.read_version(self._key))

    def publish(self, release: Release) -> ReleaseHistory:
        """Note that main holds a release of this run, and return the history; noting it again changes nothing."""
        return self._update(lambda history: after_publishing(history, release))

    def restore(self, run_id: str) -> ReleaseHistory:
        """Note that main holds an earlier release again, and return the history; noting it again changes nothing."""
        return self._update(lambda history: after_restoring(history, run_id))

    def _update(self, change: Callable[[ReleaseHistory], ReleaseHistory]) -> ReleaseHistory:
        for _ in range(_ATTEMPTS):
            version = self._objects.read_version(self._key)
            history = self._parse(version)
            changed = change(history)
            content = changed.model_dump_json(indent=2).encode()
            if changed == history or self._objects.put_version(self._key, content, version):
                return changed
        raise AwsUnavailableError(f"{self._key} was changed by others {_ATTEMPTS} times in a row")

    def _parse(self, version: Version | None) -> ReleaseHistory:
        if version is None:
            return ReleaseHistory(repo_id=self.repo_id)
        try:
            history = ReleaseHistory.model_validate_json(version.content)
        except ValidationError:
            raise ReleaseHistoryInvalidError(f"{self._key} does not hold a history of releases") from None
        if history.repo_id != self.repo_id:
            raise ReleaseHistoryInvalidError(f"{self._key} is the history of another repository")
        return history


def after_publishing(history: ReleaseHistory, release: Release) -> ReleaseHistory:
    """Return the history with this release as what main holds."""
    current = history.current
    if current and (current.run_id, current.revision) == (release.run_id, release.revision):
        return history
    return _with_last(history, release)


def after_restoring(history: ReleaseHistory, run_id: str) -> ReleaseHistory:
    """Return the history with an earlier release as what main holds; those that came after it are withdrawn.

    Raises: KeyError when the history has no release of this run.
    """
    release = find_release(history, run_id)
    if release is None:
        raise KeyError(run_id)
    if release.is_withdrawn:
        # not an older but a newer one: what a rollback took back is wanted after all
        return _with_last(history, release.model_copy(update={"is_withdrawn": False}))
    place = history.releases.index(release)
    withdrawn = tuple(later.model_copy(update={"is_withdrawn": True}) for later in history.releases[place + 1 :])
    return history.model_copy(update={"releases": (*history.releases[: place + 1], *withdrawn)})


def find_release(history: ReleaseHistory, run_id: str) -> Release | None:
    """Return the newest release of a run, or None."""
    return next((release for release in reversed(history.releases) if release.run_id == run_id), None)


def _with_last(history: ReleaseHistory, release: Release) -> ReleaseHistory:
    others = tuple(other for other in history.releases if other.run_id != release.run_id)
    return history.model_copy(update={"releases": (*others, release)[-_LONGEST_HISTORY:]})
