"""The Hub's answer to a token, asked before the GPU starts; it must not import huggingface_hub."""

from __future__ import annotations

import json
import re
from typing import NamedTuple

import urllib3
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from slm_core.errors import BaseModelMissingError, HubTokenRefusedError, HubUnavailableError

_WRITING_ROLES = {"write", "fineGrained"}
_TOKEN = re.compile(r"[!-~]+")
_REDIRECTS = {301, 302, 303, 307, 308}
_MISSING = {"RepoNotFound", "RevisionNotFound", "EntryNotFound"}
_TIMEOUT = urllib3.Timeout(connect=5, read=15)


class _Seen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class _AccessToken(_Seen):
    role: str


class _Auth(_Seen):
    access_token: _AccessToken = Field(alias="accessToken")


class _Organisation(_Seen):
    name: str


class Identity(_Seen):
    """Whose token it is and what it may do."""

    name: str
    orgs: tuple[_Organisation, ...] = ()
    auth: _Auth

    @property
    def role(self) -> str:
        """read, write or fineGrained."""
        return self.auth.access_token.role

    def may_write_to(self, repo_id: str) -> bool:
        """Return whether the token can publish there; what a fine-grained one may do, the Hub does not tell."""
        namespaces = {self.name, *(organisation.name for organisation in self.orgs)}
        return self.role == "fineGrained" or (self.role == "write" and repo_id.partition("/")[0] in namespaces)


class Access(NamedTuple):
    """A token, where it is shown, and the secret that it came from: the name that errors tell."""

    endpoint: str
    token: str
    secret_name: str


def who_is(access: Access) -> Identity:
    """Return the identity behind a token.

    Raises: HubTokenRefusedError naming the secret; HubUnavailableError when the Hub does not answer properly.
    """
    response = _ask(access, "GET", "/api/whoami-v2")
    if response.status in {401, 403}:
        raise HubTokenRefusedError(f"The Hub refused the token in secret {access.secret_name} ({response.status})")
    return _identity(access.endpoint, response)


def require_reading(access: Access, repo_id: str, revision: str) -> None:
    """Return when the token may read a base model at its pinned revision; on a gated one, its licence is accepted.

    Raises: HubTokenRefusedError naming secret and model; BaseModelMissingError; HubUnavailableError.
    """
    response = _ask(access, "HEAD", f"/{repo_id}/resolve/{revision}/config.json")
    status, what = response.status, f"{repo_id} at revision {revision}"
    if status == 200 or status in _REDIRECTS:
        return
    if status == 404 or response.headers.get("X-Error-Code") in _MISSING:
        raise BaseModelMissingError(f"The Hub shows no {what} to the token in secret {access.secret_name} ({status})")
    if status in {401, 403}:
        raise HubTokenRefusedError(f"The token in secret {access.secret_name} may not read {what} ({status})")
    raise HubUnavailableError(f"The Hub at {access.endpoint} answered {status} for {what}")


def require_writing(identity: Identity, repo_id: str, secret_name: str) -> None:
    """Return when the token can publish to the repository.

    Raises: HubTokenRefusedError saying what it lacks.
    """
    if identity.role not in _WRITING_ROLES:
        raise HubTokenRefusedError(f"The token in secret {secret_name} has the role {identity.role}, not write")
    if not identity.may_write_to(repo_id):
        raise HubTokenRefusedError(f"The token in secret {secret_name} cannot publish to {repo_id}")


def may_write(access: Access, repo_id: str) -> bool | None:
    """Return whether the token may write to a repository; None where the Hub shows it none of that name.

    Raises: HubUnavailableError when the Hub does not answer properly.
    """
    response = _ask(access, "GET", f"/api/models/{repo_id}/auth-check/write")
    if response.status == 404 or response.headers.get("X-Error-Code") in _MISSING:
        return None
    if response.status in {200, 401, 403}:
        return response.status == 200
    raise HubUnavailableError(f"The Hub at {access.endpoint} answered {response.status} for {repo_id}")


def _ask(access: Access, method: str, path: str) -> urllib3.BaseHTTPResponse:
    if not _TOKEN.fullmatch(access.token):
        # http.client would quote it in its own complaint
        raise HubTokenRefusedError(f"Secret {access.secret_name} holds something that is no token")
    headers = {"Authorization": f"Bearer {access.token}"}
    try:
        # a redirect is an answer already; the token must not follow it to another server
        return urllib3.PoolManager(retries=False, timeout=_TIMEOUT).request(
            method, f"{access.endpoint}{path}", headers=headers, redirect=False
        )
    except urllib3.exceptions.HTTPError as error:
        raise HubUnavailableError(f"The Hub at {access.endpoint} does not answer ({type(error).__name__})") from None


def _identity(endpoint: str, response: urllib3.BaseHTTPResponse) -> Identity:
    if response.status != 200:
        raise HubUnavailableError(f"The Hub at {endpoint} answered {response.status}")
    try:
        return Identity.model_validate(json.loads(response.data))
    except (ValidationError, ValueError):
        raise HubUnavailableError(f"The Hub at {endpoint} answered something that is no identity") from None
