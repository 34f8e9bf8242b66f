"""The options that several verbs share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from fine_tune_slm.desk.place import Whereabouts

DEFAULT_ROOT = Path(".local")
CTRL_C = 130
"""What a shell gives a command that Ctrl-C ended."""


def _complete_run(incomplete: str) -> list[str]:
    """Return the runs kept on this machine whose ids begin so, for the shell's completion."""
    kept = sorted(path.name for path in (DEFAULT_ROOT / "runs").glob("*") if path.is_dir())
    return [name for name in kept if name.startswith(incomplete)]


RunId = Annotated[
    str,
    typer.Argument(metavar="RUN", autocompletion=_complete_run, help="Run id, or latest: the newest with an archive."),
]
RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        autocompletion=_complete_run,
        help="Run id, or latest: the newest with an archive; by default the newest run.",
    ),
]
Root = Annotated[Path, typer.Option(help="Where models, the volume and runs are kept.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on stdout, all else on stderr.")]
Stage = Annotated[
    str | None,
    typer.Option(
        envvar="FINE_TUNE_SLM_STAGE",
        help="Stage whose runs are meant; without it, and without an AWS option, the rehearsals of this machine.",
    ),
]
Profile = Annotated[str | None, typer.Option(help="AWS profile.")]
Region = Annotated[str | None, typer.Option(help="AWS region.")]
EndpointUrl = Annotated[str | None, typer.Option(help="Another endpoint for AWS calls.")]
StageOfAccount = Annotated[
    str, typer.Option("--stage", envvar="FINE_TUNE_SLM_STAGE", help="Stage whose stack and settings are meant.")
]
ParameterRoot = Annotated[
    str | None,
    typer.Option(
        envvar="FINE_TUNE_SLM_PARAMETER_ROOT",
        help="Where the stage's settings lie in Parameter Store; by default /fine-tune-slm/STAGE.",
    ),
]
StackName = Annotated[
    str | None,
    typer.Option(envvar="FINE_TUNE_SLM_STACK_NAME", help="Name of the stage's stack; by default fine-tune-slm-STAGE."),
]


def whereabouts(
    stage: str | None, profile: str | None, region: str | None, endpoint_url: str | None, root: Path
) -> Whereabouts:
    """Return where the user says that runs are."""
    from fine_tune_slm.desk.place import Whereabouts  # noqa: PLC0415 - 0.1 s that --help must not pay

    return Whereabouts(stage=stage, profile=profile, region=region, endpoint_url=endpoint_url, root=root)
