"""The options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fine_tune_slm.naming import parameter_root, stack_name

Root = Annotated[Path, typer.Option(help="Where models, the volume and runs are kept.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, all else on stderr.")]
Profile = Annotated[str | None, typer.Option(help="AWS profile.")]
Region = Annotated[str | None, typer.Option(help="AWS region.")]
EndpointUrl = Annotated[str | None, typer.Option(help="Another endpoint for AWS calls.")]
ParameterRoot = Annotated[
    str,
    typer.Option(
        envvar="FINE_TUNE_SLM_PARAMETER_ROOT",
        help="Where the stage's settings lie in Parameter Store: the stack's output.",
    ),
]

StackName = Annotated[str, typer.Option(envvar="FINE_TUNE_SLM_STACK_NAME", help="Name of the stage's deployed stack.")]

DEFAULT_PARAMETER_ROOT = parameter_root()
DEFAULT_STACK_NAME = stack_name()
DEFAULT_ROOT = Path(".local")
