"""What IAM is asked: may this be done to that, under these circumstances?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Access:
    """One action on one resource, with the condition keys that AWS would know; their names are lower case."""

    action: str
    resource: str
    circumstances: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @classmethod
    def of(cls, action: str, resource: str, circumstances: Mapping[str, tuple[str, ...]] | None = None) -> Access:
        """Return the access under the given circumstances."""
        named = {key.lower(): values for key, values in (circumstances or {}).items()}
        return cls(action, resource, tuple(sorted(named.items())))

    def values(self, key: str) -> tuple[str, ...] | None:
        """Return what is known under a condition key, or None when the request has no such key."""
        return dict(self.circumstances).get(key.lower())
