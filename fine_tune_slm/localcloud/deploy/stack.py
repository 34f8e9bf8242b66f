"""Creating the stack, and finding what it holds."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from fine_tune_slm.localcloud.deploy.package import Packager
from fine_tune_slm.localcloud.deploy.translation import read_template, translate
from fine_tune_slm.localcloud.errors import DeploymentFailedError
from fine_tune_slm.localcloud.seams.cloudformation_types import require_supported

_CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


@dataclass(frozen=True)
class Deployment:
    """A template and the values of its parameters."""

    template: Path
    parameters: dict[str, str]
    stack_name: str
    region: str


def deploy(deployment: Deployment, cloudformation: Any, s3: Any) -> dict[str, str]:
    """Return the outputs of the stack after it was created.

    Raises: TemplateUnsupportedError, DeploymentFailedError.
    """
    template = read_template(deployment.template)
    Packager(s3, deployment.template.resolve().parent).package(template)
    translated = translate(template, deployment.parameters, deployment.region)
    require_supported(_created_types(translated))
    try:
        cloudformation.create_stack(
            StackName=deployment.stack_name,
            TemplateBody=json.dumps(translated),
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in deployment.parameters.items()],
            Capabilities=_CAPABILITIES,
        )
    except (ClientError, BotoCoreError) as error:
        raise DeploymentFailedError(
            f"CloudFormation refused the stack (logs/aws.log has the trace): {error}"
        ) from error
    stack = cloudformation.describe_stacks(StackName=deployment.stack_name)["Stacks"][0]
    if stack["StackStatus"] != "CREATE_COMPLETE":
        raise DeploymentFailedError(f"The stack is {stack['StackStatus']}")
    return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}


def _created_types(template: dict[str, Any]) -> set[str]:
    return {resource["Type"] for resource in template["Resources"].values()}
