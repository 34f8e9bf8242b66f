"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How good it is."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True)
class Finding:
    """One line: what was seen, and what to do about it unless it is right."""

    verdict: Verdict
    told: str
    remedy: str = ""


def ok(told: str) -> Finding:
    """Return the finding of something that is right."""
    return Finding(Verdict.OK, told)


def warn(told: str, remedy: str) -> Finding:
    """Return the finding of something that a run survives, or that could not be looked at."""
    return Finding(Verdict.WARN, told, remedy)


def fail(told: str, remedy: str) -> Finding:
    """Return the finding of something with which a run must fail."""
    return Finding(Verdict.FAIL, told, remedy)
