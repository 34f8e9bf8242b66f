"""Policies, read strictly, and the judgement over one access. Pure.

What is not understood is an error and never an allowance: an emulator that guesses proves nothing.
Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from fine_tune_slm.localcloud.errors import PolicyUnsupportedError
from fine_tune_slm.localcloud.iam.access import Access
from fine_tune_slm.localcloud.iam.conditions import Condition, read_conditions
from fine_tune_slm.localcloud.iam.patterns import matches

_ELEMENTS = {"Sid", "Effect", "Action", "Resource", "Condition"}


@dataclass(frozen=True)
class Statement:
    """One statement; `name` is its Sid, or the policy's name and a number."""

    policy: str
    name: str
    is_deny: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...] = ()

    def covers(self, access: Access) -> bool:
        """Return whether the statement is about this access."""
        return (
            any(matches(action.lower(), access.action.lower()) for action in self.actions)
            and any(matches(resource, access.resource) for resource in self.resources)
            and all(condition.holds(access) for condition in self.conditions)
        )


@dataclass(frozen=True)
class Decision:
    """Whether an access is allowed, and the statement that an explicit Deny comes from."""

    is_allowed: bool
    denied_by: Statement | None = None


def decide(statements: Iterable[Statement], access: Access) -> Decision:
    """Return the judgement: one Deny outweighs every Allow, and without an Allow nothing is allowed."""
    covering = [statement for statement in statements if statement.covers(access)]
    denial = next((statement for statement in covering if statement.is_deny), None)
    return Decision(is_allowed=bool(covering) and denial is None, denied_by=denial)


def read_statements(policy: str, document: Mapping[str, Any]) -> tuple[Statement, ...]:
    """Return the statements of an identity's policy.

    Raises: PolicyUnsupportedError for an element, operator, key or variable that is not known here.
    """
    return tuple(_statement(policy, number, found) for number, found in enumerate(_many(document["Statement"]), 1))


def read_resource_statements(policy: str, document: Mapping[str, Any]) -> tuple[Statement, ...]:
    """Return the statements of a resource's policy that are about everybody; those for one service are about no role.

    Raises: PolicyUnsupportedError, for another principal too.
    """
    everybody = []
    for number, found in enumerate(_many(document["Statement"]), 1):
        principal = found.get("Principal")
        if principal in ("*", {"AWS": "*"}):
            without = {key: value for key, value in found.items() if key != "Principal"}
            everybody.append(_statement(policy, number, without))
        elif not (isinstance(principal, dict) and set(principal) == {"Service"}):
            raise PolicyUnsupportedError(f"A statement of {policy} has a principal that is not everybody or a service")
    return tuple(everybody)


def _statement(policy: str, number: int, found: Mapping[str, Any]) -> Statement:
    name = str(found.get("Sid") or f"{policy} {number}")
    where = f"{name} of {policy}"
    if unknown := sorted(set(found) - _ELEMENTS):
        raise PolicyUnsupportedError(f"Statement {where} has the element {unknown[0]}")
    resources = tuple(map(str, _many(found["Resource"])))
    if any("${" in resource for resource in resources):
        raise PolicyUnsupportedError(f"Statement {where} has a policy variable in its resource")
    return Statement(
        policy=policy,
        name=name,
        is_deny=found["Effect"] == "Deny",
        actions=tuple(_many(found["Action"])),
        resources=resources,
        conditions=read_conditions(found.get("Condition", {}), where),
    )


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
