"""What was granted beside what was used: which grant of an action on a resource has a scenario that needs it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path

import yaml

from fine_tune_slm.localcloud.iam.access import Access
from fine_tune_slm.localcloud.iam.policy import Statement, decide
from scripts.permissions.claims import Grant, logical_role

EXCEPTIONS = Path(__file__).with_name("exceptions.yml")
ELSEWHERE = Path(__file__).with_name("elsewhere.yml")


@dataclass(frozen=True)
class Row:
    """One action on one resource that a statement grants, and the scenarios that used it."""

    role: str
    statement: str
    action: str
    resource: str
    scenarios: tuple[str, ...] = ()
    reason: str = ""

    @property
    def is_accounted_for(self) -> bool:
        """Return whether it is used, or a reason says why it cannot be; not both."""
        return bool(self.scenarios) is not bool(self.reason)


@dataclass(frozen=True)
class Exempt:
    """What no rehearsal can use, and why; role, action and resource may have wildcards."""

    reason: str
    statement: str
    role: str = "*"
    action: str = "*"
    resource: str = "*"

    def covers(self, role: str, statement: str, action: str, resource: str) -> bool:
        """Return whether this is the exception for an action on a resource."""
        return self.statement == statement and all(
            fnmatchcase(text, pattern)
            for text, pattern in ((role, self.role), (action, self.action), (resource, self.resource))
        )


@dataclass
class Evidence:
    """The deployed statements of each role, and its uses by scenario."""

    deployed: Mapping[str, Sequence[Statement]]
    uses: dict[str, dict[str, set[Access]]] = field(default_factory=dict)

    def add(self, scenario: str, role: str, access: Access) -> None:
        """Take a use of a role, named as CloudFormation named it."""
        self.uses.setdefault(logical_role(role), {}).setdefault(scenario, set()).add(access)

    def is_needed(self, grant: Grant, granted: Sequence[Grant]) -> bool:
        """Return whether without this one statement something would be refused that was used."""
        position = [one for one in granted if one.role == grant.role].index(grant)
        statements = list(self.deployed[grant.role])
        del statements[position]
        accesses = set().union(*self.uses.get(grant.role, {}).values())
        return any(not decide(statements, access).is_allowed for access in accesses)

    def rows(self, granted: Sequence[Grant], exempt: Sequence[Exempt]) -> list[Row]:
        """Return every grant of an action on a resource, used or not."""
        found = []
        for role in dict.fromkeys(grant.role for grant in granted):
            pairs = zip([one for one in granted if one.role == role], self.deployed[role], strict=True)
            found += [row for grant, statement in pairs for row in self._rows(grant, statement, exempt)]
        return found

    def _rows(self, grant: Grant, deployed: Statement, exempt: Sequence[Exempt]) -> Iterable[Row]:
        for action in deployed.actions:
            for spelled, resource in zip(grant.statement.resources, deployed.resources, strict=True):
                part = replace(deployed, actions=(action,), resources=(resource,))
                names = (grant.role, deployed.name, action, spelled)
                reason = next((one.reason for one in exempt if one.covers(*names)), "")
                yield Row(*names, scenarios=self._scenarios(grant.role, part), reason=reason)

    def _scenarios(self, role: str, part: Statement) -> tuple[str, ...]:
        by_scenario = self.uses.get(role, {})
        return tuple(name for name, accesses in by_scenario.items() if any(map(part.covers, accesses)))


def read_exceptions(path: Path = EXCEPTIONS) -> list[Exempt]:
    """Return the written exceptions."""
    return [Exempt(**entry) for entry in yaml.safe_load(path.read_text(encoding="utf-8"))]


def read_elsewhere(path: Path = ELSEWHERE) -> dict[str, str]:
    """Return the policies that no scenario can put to use, with what holds them instead."""
    return {entry["resource"]: entry["reason"] for entry in yaml.safe_load(path.read_text(encoding="utf-8"))}
