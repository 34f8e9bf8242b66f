"""Answers of the local Hub, with the headers by which huggingface_hub tells one failure from another."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class FileRange:
    """A part of a file, sent without being read into memory as a whole."""

    path: Path
    start: int
    length: int


@dataclass(frozen=True)
class Answer:
    """What the server sends."""

    status: int = 200
    body: bytes | FileRange = b""
    headers: Mapping[str, str] = field(default_factory=dict)


class RefusedError(Exception):
    """A request that is answered with an error; `code` is what the Hub calls it."""

    def __init__(self, status: int, message: str, code: str = "", headers: Mapping[str, str] | None = None) -> None:
        self.status = status
        self.message = message
        self.code = code
        self.headers = dict(headers or {})
        super().__init__(message)

    def answer(self) -> Answer:
        """Return the error as it goes over the wire."""
        marks = {"X-Error-Message": self.message, **({"X-Error-Code": self.code} if self.code else {})}
        return as_json({"error": self.message}, self.status, {**marks, **self.headers})


def as_json(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    """Return an answer with a JSON body."""
    return Answer(status, json.dumps(data).encode(), {"Content-Type": "application/json", **(headers or {})})


def repository_not_found(*, is_authenticated: bool) -> RefusedError:
    """Return the Hub's answer for a repository that is missing or hidden: it tells nobody which of the two."""
    if is_authenticated:
        return RefusedError(404, "Repository not found", "RepoNotFound")
    # The Hub sends no code here; huggingface_hub recognises the case by an https URL, which a loopback server has not.
    return RefusedError(401, "Invalid username or password.", "RepoNotFound")


def revision_not_found(revision: str) -> RefusedError:
    """Return the Hub's answer for a branch, tag or commit that is missing."""
    return RefusedError(404, f"Invalid rev id: {revision}", "RevisionNotFound")


def entry_not_found(commit: str) -> RefusedError:
    """Return the Hub's answer for a file that the commit does not have."""
    return RefusedError(404, "Entry not found", "EntryNotFound", {"X-Repo-Commit": commit})
