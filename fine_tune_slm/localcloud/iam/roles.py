"""The roles of the deployed stack: whose credentials a request bears, and which statements that role has."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.models import Role, iam_backends
from moto.sts.models import sts_backends

from fine_tune_slm.localcloud.errors import PolicyUnsupportedError
from fine_tune_slm.localcloud.iam.policy import Statement, read_statements
from fine_tune_slm.localcloud.seams.seam import Seam

_MANAGED = Path(__file__).with_name("managed_policies.json")
_CREATE_PARAMETERS = ("cls", "resource_name", "cloudformation_json", "account_id", "region_name", "kwargs")


@dataclass(frozen=True)
class Session:
    """A role that somebody has assumed."""

    role: str
    arn: str


def session_of(access_key_id: str, session_token: str) -> Session | None:
    """Return whose temporary credentials these are, or None when STS never gave them out."""
    for assumed in sts_backends[DEFAULT_ACCOUNT_ID]["aws"].assumed_roles:
        if (assumed.access_key_id, assumed.session_token) == (access_key_id, session_token):
            return Session(assumed.role_arn.rpartition("/")[2], assumed.arn)
    return None


def statements_of(role: str) -> tuple[Statement, ...]:
    """Return every statement of a role as it stands now, its own policies' and the managed ones'.

    Raises: PolicyUnsupportedError.
    """
    found: Any = iam_backends[DEFAULT_ACCOUNT_ID]["aws"].get_role(role)
    if found.permissions_boundary:
        raise PolicyUnsupportedError(f"Role {role} has a permissions boundary")
    inline = [one for name, document in found.policies.items() for one in _read(name, _text(document))]
    managed = [one for arn in getattr(found, "managed_policy_arns", ()) for one in managed_statements(arn)]
    return (*inline, *managed)


@cache
def managed_statements(arn: str) -> tuple[Statement, ...]:
    """Return the statements of one of AWS's managed policies.

    Raises: PolicyUnsupportedError when nobody has written down what it allows.
    """
    policies = json.loads(_MANAGED.read_text(encoding="utf-8"))
    if arn not in policies:
        raise PolicyUnsupportedError(f"Nobody has written down what the managed policy {arn} allows")
    return read_statements(arn.rpartition("/")[2], policies[arn])


def require_readable_roles() -> None:
    """Return nothing when the policies of every role that a service assumes can be judged; others call nothing here.

    Raises: PolicyUnsupportedError.
    """
    for role in iam_backends[DEFAULT_ACCOUNT_ID]["aws"].get_roles():
        trusted = [one.get("Principal", {}) for one in json.loads(role.assume_role_policy_document)["Statement"]]
        if any("Service" in principal for principal in trusted):
            statements_of(str(role.name))


def seams() -> list[Seam]:
    """Return the seam that keeps which managed policies a role has: moto's CloudFormation drops them."""
    return [Seam(Role, "create_from_cloudformation_json", _CREATE_PARAMETERS, _with_managed_policies)]


def _with_managed_policies(original: classmethod[Any, Any, Any]) -> classmethod[Any, Any, Any]:
    create: Callable[..., Any] = original.__func__

    def create_with(
        cls: type[Role], resource_name: str, cloudformation_json: dict[str, Any], *rest: Any, **named: Any
    ) -> Any:
        role = create(cls, resource_name, cloudformation_json, *rest, **named)
        role.managed_policy_arns = tuple(cloudformation_json["Properties"].get("ManagedPolicyArns", ()))
        return role

    return classmethod(create_with)


@lru_cache(maxsize=256)
def _read(policy: str, text: str) -> tuple[Statement, ...]:
    return read_statements(policy, json.loads(text))


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)
