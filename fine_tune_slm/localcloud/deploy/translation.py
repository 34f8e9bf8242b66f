"""From a SAM template to plain CloudFormation, with AWS's own translator."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

from samtranslator.public.exceptions import InvalidDocumentException
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

from fine_tune_slm.localcloud.errors import DeploymentFailedError

# The translator counts its own calls and complains when it is deleted that nobody published the counts.
logging.getLogger("samtranslator.metrics").setLevel(logging.ERROR)
_AWS_MANAGED = "arn:aws:iam::aws:policy/"


class _ManagedPolicies:
    """Names of AWS's managed policies; a template that gives ARNs, as ours does, needs none of them looked up."""

    def load(self) -> dict[str, str]:
        return {
            name: _AWS_MANAGED + name for name in ("service-role/AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess")
        }


def read_template(path: Path) -> dict[str, Any]:
    """Return the template with its short forms (!Ref, !Sub, ...) written out."""
    return dict(yaml_parse(path.read_text(encoding="utf-8")))


def translate(template: dict[str, Any], parameters: dict[str, str], region: str) -> dict[str, Any]:
    """Return the CloudFormation template that AWS would make of a packaged SAM template.

    Raises: DeploymentFailedError with every problem that the translator names.
    """
    before = os.environ.get("AWS_DEFAULT_REGION")
    os.environ["AWS_DEFAULT_REGION"] = region  # the translator takes the partition from it
    try:
        return dict(transform(template, parameters, _ManagedPolicies()))
    except InvalidDocumentException as error:
        causes = "; ".join(cause.message for cause in error.causes)
        raise DeploymentFailedError(f"The template cannot be translated: {causes}") from error
    finally:
        if before is None:
            del os.environ["AWS_DEFAULT_REGION"]
        else:
            os.environ["AWS_DEFAULT_REGION"] = before
