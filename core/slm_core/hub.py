"""The Hub's answer to a token, asked before the GPU starts; it must not import huggingface_hub."""

from __future__ import annotations

import json
import re

import urllib3
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from slm_core.errors import HubTokenRefusedError, HubUnavailableError

_WRITING_ROLES = {"write", "fineGrained"}
_TOKEN = re.compile(r"[!-~]+")
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


def who_is(endpoint: str, token: str, secret_name: str) -> Identity:
    """Return the identity behind a token.

    Raises: HubTokenRefusedError naming the secret; HubUnavailableError when the Hub does not answer properly.
    """
    if not _TOKEN.fullmatch(token):
        # http.client would quote it in its own complaint
        raise HubTokenRefusedError(f"Secret {secret_name} holds something that is no token")
    try:
        response = urllib3.PoolManager(retries=False, timeout=_TIMEOUT).request(
            "GET", f"{endpoint}/api/whoami-v2", headers={"Authorization": f"Bearer {token}"}
        )
    except urllib3.exceptions.HTTPError as error:
        raise HubUnavailableError(f"The Hub at {endpoint} does not answer ({type(error).__name__})") from None
    if response.status in {401, 403}:
        raise HubTokenRefusedError(f"The Hub refused the token in secret {secret_name} ({response.status})")
    return _identity(endpoint, response)


def require_writing(identity: Identity, repo_id: str, secret_name: str) -> None:
    """Return when the token can publish to the repository.

    Raises: HubTokenRefusedError saying what it lacks.
    """
    if identity.role not in _WRITING_ROLES:
        raise HubTokenRefusedError(f"The token in secret {secret_name} has the role {identity.role}, not write")
    if not identity.may_write_to(repo_id):
        raise HubTokenRefusedError(f"The token in secret {secret_name} cannot publish to {repo_id}")


def _identity(endpoint: str, response: urllib3.BaseHTTPResponse) -> Identity:
    if response.status != 200:
        raise HubUnavailableError(f"The Hub at {endpoint} answered {response.status}")
    try:
        return Identity.model_validate(json.loads(response.data))
    except (ValidationError, ValueError):
        raise HubUnavailableError(f"The Hub at {endpoint} answered something that is no identity") from None
