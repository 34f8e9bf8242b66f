"""The Condition element of a statement: the operators and keys that templates here use, and no guess about others.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fine_tune_slm.localcloud.errors import PolicyUnsupportedError
from fine_tune_slm.localcloud.iam.access import Access
from fine_tune_slm.localcloud.iam.patterns import matches

_KEYS = {"aws:securetransport", "aws:tagkeys", "ec2:attribute"}
_KEY_PREFIXES = ("aws:resourcetag/", "aws:requesttag/", "ec2:resourcetag/", "ssm:resourcetag/")


def _equals(wanted: str, value: str) -> bool:
    return wanted == value


def _same_truth(wanted: str, value: str) -> bool:
    return wanted.lower() == value.lower()


# How one wanted value is held against one known value, and whether a match refutes the condition.
_OPERATORS: dict[str, tuple[Callable[[str, str], bool], bool]] = {
    "StringEquals": (_equals, False),
    "StringNotEquals": (_equals, True),
    "StringLike": (matches, False),
    "StringNotLike": (matches, True),
    "ArnEquals": (matches, False),
    "ArnLike": (matches, False),
    "Bool": (_same_truth, False),
}


@dataclass(frozen=True)
class Condition:
    """One operator on one key."""

    operator: str
    key: str
    wanted: tuple[str, ...]
    quantifier: str = ""
    may_be_missing: bool = False

    def holds(self, access: Access) -> bool:
        """Return whether the access meets the condition."""
        known = access.values(self.key)
        compare, is_negated = _OPERATORS[self.operator]
        if not known:
            return self.quantifier == "ForAllValues" or self.may_be_missing or is_negated
        found = [any(compare(wanted, value) for wanted in self.wanted) is not is_negated for value in known]
        # without a quantifier a negated operator must hold for every value, as one match refutes it
        return all(found) if self.quantifier == "ForAllValues" or (is_negated and not self.quantifier) else any(found)


def read_conditions(element: Mapping[str, Mapping[str, Any]], where: str) -> tuple[Condition, ...]:
    """Return the conditions of a statement, all of which must hold.

    Raises: PolicyUnsupportedError for an operator or a key that is not known here.
    """
    return tuple(
        _condition(operator, key, values, where) for operator, keys in element.items() for key, values in keys.items()
    )


def _condition(operator: str, key: str, values: Any, where: str) -> Condition:
    quantifier, colon, name = operator.rpartition(":")
    base = name.removesuffix("IfExists")
    if base not in _OPERATORS or (colon and quantifier not in {"ForAllValues", "ForAnyValue"}):
        raise PolicyUnsupportedError(f"Statement {where} has the condition operator {operator}")
    if key.lower() not in _KEYS and not key.lower().startswith(_KEY_PREFIXES):
        raise PolicyUnsupportedError(f"Statement {where} has the condition key {key}")
    wanted = tuple(_text(value) for value in (values if isinstance(values, list) else [values]))
    return Condition(base, key, wanted, quantifier, may_be_missing=name != base)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
