"""A request to the local Hub, as the operations see it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from fine_tune_slm.localcloud.hub.access import Token
from fine_tune_slm.localcloud.hub.answers import RefusedError
from fine_tune_slm.localcloud.hub.store import Source


@dataclass(frozen=True)
class Request:
    """Who asks for what; the names of the headers are in lower case."""

    method: str
    query: Mapping[str, list[str]]
    headers: Mapping[str, str]
    body: Source
    length: int
    token: Token | None
    endpoint: str

    def text(self) -> str:
        """Return the body as text."""
        return self.body.read(self.length).decode()

    def json(self) -> dict[str, Any]:
        """Return the body's JSON object. Raises: RefusedError when it is none."""
        try:
            data = json.loads(self.text() or "{}")
        except ValueError as error:
            raise RefusedError(400, "The body is not JSON") from error
        if not isinstance(data, dict):
            raise RefusedError(400, "The body is not a JSON object")
        return data

    def form(self) -> dict[str, list[str]]:
        """Return the body's form fields."""
        return parse_qs(self.text())

    def flag(self, name: str) -> bool:
        """Return whether a query parameter is switched on."""
        return self.query.get(name, [""])[0].lower() in {"1", "true"}
