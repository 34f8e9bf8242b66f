"""The options that several verbs share, and the groups of them that a verb takes as one argument.

Annotations here are no strings: `gathers` hands those of a group's parameters on to Typer.
"""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fine_tune_slm.naming import DEFAULT_STAGE
from fine_tune_slm.naming import parameter_root as root_of

if TYPE_CHECKING:
    from fine_tune_slm.aws import AwsTarget
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
    typer.Argument(
        metavar="RUN",
        autocompletion=_complete_run,
        help="Run id, or latest: the run that was started last, whether it goes on or has ended.",
    ),
]
ModelRunId = Annotated[
    str,
    typer.Argument(
        metavar="RUN", autocompletion=_complete_run, help="Run id, or latest: the newest run that has made a model."
    ),
]
ModelRunOption = Annotated[str, typer.Option(help="Run id, or latest: the newest run that has made a model.")]
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
    stage: Stage = None,
    profile: Profile = None,
    region: Region = None,
    endpoint_url: EndpointUrl = None,
    root: Root = DEFAULT_ROOT,
) -> "Whereabouts":
    """Return where the user says that runs are."""
    from fine_tune_slm.desk.place import Whereabouts  # noqa: PLC0415 - 0.1 s that --help must not pay

    return Whereabouts(stage=stage, profile=profile, region=region, endpoint_url=endpoint_url, root=root)


def account_of_stage(
    stage: StageOfAccount = DEFAULT_STAGE,
    profile: Profile = None,
    region: Region = None,
    endpoint_url: EndpointUrl = None,
    parameter_root: ParameterRoot = None,
) -> "AwsTarget":
    """Return the account that holds a stage's settings.

    Raises: ArgumentInvalidError.
    """
    from fine_tune_slm.aws import target  # noqa: PLC0415 - 0.1 s that --help must not pay

    return target(profile, region, endpoint_url, parameter_root or root_of(stage))


def gathers(**groups: Callable[..., Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Let a verb take a group of options as one argument: those that a function of that argument's name is made of.

    For Typer, which reads signatures, the function's parameters stand in the argument's place.
    """

    def gathering(verb: Callable[..., None]) -> Callable[..., None]:
        options = {name: inspect.signature(make).parameters for name, make in groups.items()}
        for name in groups:
            # a type that --help must not load
            del verb.__annotations__[name]
        own = inspect.signature(verb, eval_str=True).parameters
        shown = [one for name, mine in own.items() for one in options.get(name, {name: mine}).values()]

        @functools.wraps(verb)
        def gathered(**given: Any) -> None:
            made = {name: make(**{one: given.pop(one) for one in options[name]}) for name, make in groups.items()}
            verb(**given, **made)

        in_any_order = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in shown]
        gathered.__signature__ = inspect.Signature(in_any_order)  # type: ignore[attr-defined]
        gathered.__annotations__ = {one.name: one.annotation for one in shown}
        return gathered

    return gathering
