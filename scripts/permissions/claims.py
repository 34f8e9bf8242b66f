"""What the template grants: every statement of every role that a service assumes, as the template spells it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fine_tune_slm.localcloud.deploy.translation import read_template, translate
from fine_tune_slm.localcloud.iam.policy import Statement, read_statements
from fine_tune_slm.localcloud.iam.roles import managed_statements

ROOT = Path(__file__).parents[2]
_URIS = ("ContentUri", "CodeUri", "DefinitionUri")


@dataclass(frozen=True)
class Grant:
    """One statement of one role; resources are spelled as in the template."""

    role: str
    statement: Statement

    def __str__(self) -> str:
        return f"{self.role}: {self.statement.name}"


def grants(template: Path = ROOT / "template.yaml") -> list[Grant]:
    """Return the statements of each role in the order in which the deployed role has them."""
    found = []
    for name, properties in _service_roles(_translated(template)).items():
        for policy in properties.get("Policies", []):
            document = _spelled(policy["PolicyDocument"])
            found += [Grant(name, one) for one in read_statements(policy["PolicyName"], document)]
        for arn in properties.get("ManagedPolicyArns", []):
            found += [Grant(name, one) for one in managed_statements(arn)]
    return found


def policies_elsewhere(template: Path = ROOT / "template.yaml") -> set[str]:
    """Return every resource with a policy that is not the policy of a role which a service assumes."""
    translated = _translated(template)
    found = {name for name, one in translated["Resources"].items() if '"PolicyDocument"' in json.dumps(one)}
    return found - _service_roles(translated).keys()


def logical_role(physical: str) -> str:
    """Return the name in the template of a role that CloudFormation named: STACK-NAME-SUFFIX."""
    return physical.rsplit("-", 2)[1]


def _service_roles(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    roles = {name: one for name, one in template["Resources"].items() if one["Type"] == "AWS::IAM::Role"}
    return {name: one["Properties"] for name, one in roles.items() if '"Service"' in _trust(one)}


def _trust(role: dict[str, Any]) -> str:
    statements = role["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    return " ".join(f'"{kind}"' for one in statements for kind in one["Principal"])


def _translated(path: Path) -> dict[str, Any]:
    template = read_template(path)
    for resource in (*template["Resources"].values(), {"Properties": template["Globals"]["Function"]}):
        properties = resource.get("Properties", {})
        properties |= {key: "s3://artifacts/any" for key in _URIS if key in properties}
    return translate(template, {"ImageId": "ami-0f00d000000000000"}, "us-east-1")


def _spelled(value: Any) -> Any:
    """Return a part of a policy with intrinsic functions as text: {Bucket.Arn}/runs/*."""
    if isinstance(value, list):
        return [_spelled(part) for part in value]
    if not isinstance(value, dict):
        return value
    (key, inner), *more = value.items() or [("", None)]
    if more or key not in _SPELLINGS:
        return {name: _spelled(part) for name, part in value.items()}
    return _SPELLINGS[key](inner)


def _substituted(inner: Any) -> str:
    text = inner if isinstance(inner, str) else inner[0]
    return re.sub(r"\$\{([^}]+)\}", r"{\1}", text)


_SPELLINGS = {
    "Ref": lambda inner: f"{{{inner}}}",
    "Fn::GetAtt": lambda inner: f"{{{'.'.join(inner)}}}",
    "Fn::Sub": _substituted,
    "Fn::If": lambda inner: _spelled(inner[1]),
}
