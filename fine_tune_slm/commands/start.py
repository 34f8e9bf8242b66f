"""`fine-tune-slm start` and `resume`: a run of a stack begins, or goes on where it stopped."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fine_tune_slm.commands.options import (
    DEFAULT_ROOT,
    AsJson,
    EndpointUrl,
    Profile,
    Region,
    RunId,
    Stage,
    gathers,
    whereabouts,
)

if TYPE_CHECKING:
    from fine_tune_slm.desk.place import Whereabouts

RUN_NAME = re.compile(r"[A-Za-z0-9_-]{1,50}")
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the plan, and start nothing.")]
Watch = Annotated[bool, typer.Option("--watch", help="Show it live until it has ended; exit 1 if it failed.")]


def start(
    execution_input: Annotated[
        str, typer.Option("--input", "-i", metavar="JSON|@FILE", help="Input of the execution; see docs/runbook.md.")
    ] = "{}",
    config: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Training configuration like config/training_config.yml, sent as input."),
    ] = None,
    run_name: Annotated[str, typer.Option(help="First part of the run id; the start time follows.")] = "run",
    watch: Watch = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    stage: Stage = None,
    profile: Profile = None,
    region: Region = None,
    endpoint_url: EndpointUrl = None,
    as_json: AsJson = False,
) -> None:
    """Start a run of a deployed stack, after saying what it will do, need and cost. On this machine: rehearse.

    A stack has one instance: while a run goes on, another is refused with exit code 75.

    Example: fine-tune-slm start --stage prod --input '{"max_hours": 6}' --watch
    """
    from fine_tune_slm.aws import aws_refusals_explained  # noqa: PLC0415
    from fine_tune_slm.desk.launch import Launch, launch  # noqa: PLC0415
    from fine_tune_slm.desk.stack import runs_of_stage  # noqa: PLC0415
    from fine_tune_slm.errors import ArgumentInvalidError  # noqa: PLC0415
    from fine_tune_slm.execution_input import read_execution_input  # noqa: PLC0415

    where = whereabouts(stage, profile, region, endpoint_url, DEFAULT_ROOT)
    if where.stage_meant is None:
        raise ArgumentInvalidError("Name the stage with --stage; on this machine, the run is: fine-tune-slm rehearse")
    if not RUN_NAME.fullmatch(run_name):
        raise typer.BadParameter("--run-name takes 1 to 50 letters, digits, hyphens and underscores")
    wanted = Launch(read_execution_input(execution_input), run_name, config, dry_run, yes, watch, as_json)
    with aws_refusals_explained():
        raise typer.Exit(launch(runs_of_stage(where), wanted, where))


@gathers(where=whereabouts)
def resume(
    run: RunId,
    watch: Watch = False,
    yes: Yes = False,
    dry_run: DryRun = False,
    *,
    where: Whereabouts,
    as_json: AsJson = False,
) -> None:
    """Start a new run that goes on from another one's last checkpoint, with all else that it was asked.

    A rehearsal goes on as a rehearsal, with the model and dataset that lie there by default.

    Example: fine-tune-slm resume run-20261122-175734-57e4 --stage prod --watch
    """
    from fine_tune_slm.aws import aws_refusals_explained  # noqa: PLC0415
    from fine_tune_slm.desk.launch import Launch, launch, rehearse_again  # noqa: PLC0415
    from fine_tune_slm.desk.place import find_place  # noqa: PLC0415
    from fine_tune_slm.desk.resuming import resuming_input  # noqa: PLC0415
    from fine_tune_slm.desk.stack import StackRuns  # noqa: PLC0415

    with aws_refusals_explained():
        place = find_place(where)
        execution_input = json.dumps(resuming_input(place.find(run)))
        wanted = Launch(execution_input, "resumed", is_dry=dry_run, is_agreed=yes, is_watched=watch, is_json=as_json)
        if isinstance(place, StackRuns):
            raise typer.Exit(launch(place, wanted, where))
    rehearse_again(wanted, where.root)
