"""Tokens of the local Hub and what each may see and change."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from fine_tune_slm.localcloud.hub.answers import RefusedError, repository_not_found
from fine_tune_slm.localcloud.hub.store import Access, InvalidNameError, Store

Role = Literal["read", "write"]


@dataclass(frozen=True)
class Token:
    """A token's role and the repositories it reaches; None means all."""

    role: Role
    repositories: frozenset[str] | None

    def reaches(self, repo_id: str) -> bool:
        """Return whether the token's owner has access to the repository."""
        return self.repositories is None or repo_id in self.repositories


class Tokens:
    """The tokens that were given out; they live as long as the server."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}

    def create(self, role: Role, repositories: Iterable[str] | None = None) -> str:
        """Return a new token's text."""
        text = f"hf_{secrets.token_urlsafe(24)}"
        self._tokens[text] = Token(role, None if repositories is None else frozenset(repositories))
        return text

    def of(self, headers: Mapping[str, str]) -> Token | None:
        """Return the caller's token, None without one. Raises: RefusedError for one that was not given out here."""
        scheme, _, text = (headers.get("authorization") or "").partition(" ")
        if not scheme:
            return None
        token = self._tokens.get(text)
        if scheme.lower() != "bearer" or token is None:
            raise RefusedError(401, "Invalid credentials in Authorization header")
        return token


def require_visible(store: Store, repo_id: str, token: Token | None) -> Access:
    """Return who may see the repository, when the caller may know that it exists."""
    try:
        is_there = store.exists(repo_id)
    except InvalidNameError:
        is_there = False
    if not is_there:
        raise repository_not_found(is_authenticated=token is not None)
    access = store.access(repo_id)
    if access.is_private and not (token and token.reaches(repo_id)):
        raise repository_not_found(is_authenticated=token is not None)
    return access


def require_readable(store: Store, repo_id: str, token: Token | None) -> None:
    """Return nothing when the caller may read the repository's files."""
    access = require_visible(store, repo_id, token)
    if not access.is_gated or (token and token.reaches(repo_id)):
        return
    if token is None:
        message = (
            f"Access to model {repo_id} is restricted. You must have access to it and be authenticated to access it."
        )
        raise RefusedError(401, f"{message} Please log in.", "GatedRepo")
    message = f"Access to model {repo_id} is restricted and you are not in the authorized list."
    raise RefusedError(403, f"{message} Visit the model's page to ask for access.", "GatedRepo")


def require_writable(store: Store, repo_id: str, token: Token | None) -> None:
    """Return nothing when the caller may change the repository."""
    require_visible(store, repo_id, token)
    require_writer(token, repo_id)


def require_writer(token: Token | None, repo_id: str) -> None:
    """Return nothing when the token may write to a repository of this name."""
    if token is None:
        raise RefusedError(401, "Invalid username or password.")
    if token.role != "write" or not token.reaches(repo_id):
        raise RefusedError(403, "Forbidden: you must use a write token to upload to a repository.")
