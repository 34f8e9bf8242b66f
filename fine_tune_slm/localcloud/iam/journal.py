"""Who used what on which resource: the evidence that a policy is wide enough, and no wider."""

from __future__ import annotations

import collections
import json
import threading
from dataclasses import dataclass
from pathlib import Path

from fine_tune_slm.localcloud.iam.access import Access


@dataclass(frozen=True)
class Use:
    """An access that a role asked for."""

    role: str
    access: Access
    is_allowed: bool


class Journal:
    """Every use so far, each counted once or more."""

    def __init__(self) -> None:
        self._counts: collections.Counter[Use] = collections.Counter()
        self._unmapped: list[str] = []
        self._lock = threading.Lock()

    def record(self, use: Use) -> None:
        """Note a use."""
        with self._lock:
            self._counts[use] += 1

    def record_unmapped(self, what: str) -> None:
        """Note a call of which nobody has said what it needs."""
        with self._lock:
            self._unmapped.append(what)

    def uses(self) -> list[Use]:
        """Return every use once, in the order of the first."""
        with self._lock:
            return list(self._counts)

    def counts(self) -> collections.Counter[Use]:
        """Return how often each use was asked for."""
        with self._lock:
            return self._counts.copy()

    def unmapped(self) -> list[str]:
        """Return what was called without anybody having said what it needs."""
        with self._lock:
            return list(dict.fromkeys(self._unmapped))

    def keep(self, file: Path) -> None:
        """Write the uses, by role, action and resource."""
        with self._lock:
            rows = [
                {"role": use.role, "action": use.access.action, "resource": use.access.resource}
                | {"allowed": use.is_allowed, "calls": count}
                for use, count in self._counts.items()
            ]
        rows.sort(key=lambda row: (str(row["role"]), str(row["action"]), str(row["resource"])))
        file.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
