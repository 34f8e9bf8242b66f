"""What a campaign has played so far, one line a schedule: one that was killed loses nothing and can go on."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tests.faults.fault import Schedule
from tests.faults.play import Finding
from tests.faults.world.world import ROOT

_CODE = ("statemachine", "lambdas", "core/slm_core", "host", "config", "tests/faults", "fine_tune_slm/localcloud")
_COUNTERS = ("checked", "injected")


class JournalMismatchError(Exception):
    """The journal belongs to another seed or to other code: what it says is not what would be played now."""


class Journal:
    """The file beside the figures. It begins with what was played by whom, so that nothing else goes on with it."""

    def __init__(self, path: Path, made_by: Mapping[str, object], *, resumes: bool) -> None:
        """Begin a journal, or go on with the one that is there.

        Raises: JournalMismatchError.
        """
        self._path = path
        self._played: dict[tuple[str, str], Finding] = {}
        head = {**made_by, "code_sha256": code_sha256()}
        if resumes and path.exists():
            self._read(head)
        else:
            path.write_text(json.dumps(head), encoding="utf-8")

    def find(self, tier: str, schedule: Schedule) -> Finding | None:
        """Return what a schedule showed in this tier, if it was played."""
        return self._played.get((tier, schedule.model_dump_json()))

    def add(self, tier: str, findings: Iterable[Finding]) -> None:
        """Write down what was played."""
        with self._path.open("a", encoding="utf-8") as file:
            # each line ends the one before: that may have been torn when a campaign was killed
            file.writelines("\n" + json.dumps({"tier": tier, **_as_json(finding)}) for finding in findings)

    def _read(self, head: Mapping[str, object]) -> None:
        first, *lines = self._path.read_text(encoding="utf-8").splitlines()
        if json.loads(first) != head:
            raise JournalMismatchError(f"{self._path} was made with another seed, other options or other code")
        for line in lines:
            try:
                content = json.loads(line)
            except json.JSONDecodeError:
                continue  # torn
            finding = _finding(content)
            self._played[content["tier"], finding.schedule.model_dump_json()] = finding


def code_sha256() -> str:
    """Return a digest of everything that decides what a schedule shows."""
    digest = hashlib.sha256()
    for path in sorted(path for place in _CODE for path in (ROOT / place).rglob("*") if path.is_file()):
        if path.suffix in {".py", ".json", ".yml"}:
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _as_json(finding: Finding) -> dict[str, Any]:
    content = vars(finding) | {"schedule": finding.schedule.model_dump(mode="json")}
    content.pop("calls")
    return content


def _finding(content: Mapping[str, Any]) -> Finding:
    known = {name: value for name, value in content.items() if name != "tier"}
    counters = {name: Counter(known[name]) for name in _COUNTERS}
    return Finding(**known | counters | {"schedule": Schedule.model_validate(known["schedule"])})
