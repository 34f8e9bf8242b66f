"""The options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Root = Annotated[Path, typer.Option(help="Where models, the volume and runs are kept.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, all else on stderr.")]
Profile = Annotated[str | None, typer.Option(help="AWS profile.")]
Region = Annotated[str | None, typer.Option(help="AWS region.")]
EndpointUrl = Annotated[str | None, typer.Option(help="Another endpoint for AWS calls.")]
ParameterRoot = Annotated[str, typer.Option(help="Where the settings lie in Parameter Store.")]

StackName = Annotated[str, typer.Option(help="Name of the deployed stack.")]

DEFAULT_PARAMETER_ROOT = "/fine-tune-slm"
DEFAULT_STACK_NAME = "fine-tune-slm"
DEFAULT_ROOT = Path(".local")
