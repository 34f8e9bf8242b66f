"""`fine-tune-slm doctor`: what can be known to fail before a GPU starts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fine_tune_slm.commands.options import (
    DEFAULT_ROOT,
    AsJson,
    EndpointUrl,
    ParameterRoot,
    Profile,
    Region,
    Root,
    StackName,
    StageOfAccount,
)
from fine_tune_slm.naming import DEFAULT_STAGE
from fine_tune_slm.naming import parameter_root as root_of
from fine_tune_slm.naming import stack_name as stack_of

if TYPE_CHECKING:
    from fine_tune_slm.doctor.context import Occasion
    from fine_tune_slm.doctor.examination import Examined

DATASET = Path("synthetic-instruction-tuning-dataset")


def doctor(
    local: Annotated[bool, typer.Option("--local", help="Look at this machine: would a rehearsal run?")] = False,
    before_deploy: Annotated[
        bool, typer.Option("--before-deploy", help="Look at what can be known before there is a stack.")
    ] = False,
    config: Annotated[
        str | None, typer.Option(help="Training configuration, a file of config/; by default the stack's own.")
    ] = None,
    dataset: Annotated[Path, typer.Option(help="Dataset directory, with --local or --before-deploy.")] = DATASET,
    root: Root = DEFAULT_ROOT,
    stage: StageOfAccount = DEFAULT_STAGE,
    stack_name: StackName = None,
    profile: Profile = None,
    region: Region = None,
    endpoint_url: EndpointUrl = None,
    parameter_root: ParameterRoot = None,
    as_json: AsJson = False,
) -> None:
    """Look at all that can be known to fail, at no GPU cost and without effect; a line each: ok, warn or fail.

    Exit code 0 when nothing failed, warnings or not; 1 when something did; 2 when it was asked wrongly.

    Example: fine-tune-slm doctor --before-deploy --region us-east-1
    """
    from fine_tune_slm.aws import target  # noqa: PLC0415
    from fine_tune_slm.doctor import context, examination  # noqa: PLC0415
    from fine_tune_slm.project import find_project  # noqa: PLC0415

    request = context.Request(
        occasion=_occasion(local, before_deploy),
        project=find_project(),
        root=root,
        dataset=dataset,
        config_file=config,
        stack_name=stack_name or stack_of(stage),
    )
    account = target(profile, region, endpoint_url, parameter_root or root_of(stage))
    asked = context.Context(request, account, account.setting_specs(request.project))
    examined = []
    for one in examination.examine(asked):
        examined.append(one)
        if not as_json:
            _print(one)
    if as_json:
        print(json.dumps(_document(request.occasion, examined), indent=2))
    raise typer.Exit(examination.exit_code(examined))


def _occasion(local: bool, before_deploy: bool) -> Occasion:
    from fine_tune_slm.doctor.context import Occasion  # noqa: PLC0415

    if local and before_deploy:
        raise typer.BadParameter("--local and --before-deploy are two questions: ask one after the other")
    if local:
        return Occasion.LOCAL
    return Occasion.BEFORE_DEPLOY if before_deploy else Occasion.DEPLOYED


def _print(one: Examined) -> None:
    finding = one.finding
    print(f"{finding.verdict:<4}  {one.name:<15}  {finding.told}", flush=True)
    if finding.remedy:
        print(f"{'':<4}  {'':<15}  -> {finding.remedy}", flush=True)


def _document(occasion: Occasion, examined: list[Examined]) -> dict[str, object]:
    checks = [
        {"name": one.name, "verdict": one.finding.verdict, "told": one.finding.told, "remedy": one.finding.remedy}
        for one in examined
    ]
    return {"occasion": occasion, "checks": checks}
