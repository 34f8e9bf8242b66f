"""`fine-tune-slm logs`: what a run logged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fine_tune_slm.commands.options import CTRL_C, RunId, gathers, whereabouts

if TYPE_CHECKING:
    from fine_tune_slm.desk.place import Whereabouts


@gathers(where=whereabouts)
def logs(
    run: RunId = "latest",
    step: Annotated[
        str | None, typer.Option(metavar="STATE", help="The log of this state's function instead of the training's.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run has ended.")] = False,
    lines: Annotated[int | None, typer.Option("--lines", "-n", min=1, help="Only the last so many.")] = None,
    *,
    where: Whereabouts,
    as_json: Annotated[bool, typer.Option("--json", help='JSON lines: {"at", "text"}.')] = False,
) -> None:
    """Print what a run's training logged, or one of its steps. No note and no token is ever in a log.

    Example: fine-tune-slm logs latest --step CheckTraining --lines 20
    """
    from fine_tune_slm.aws import aws_refusals_explained  # noqa: PLC0415
    from fine_tune_slm.desk.logs import LogRequest, log_lines  # noqa: PLC0415
    from fine_tune_slm.desk.place import find_place  # noqa: PLC0415

    with aws_refusals_explained():
        found = find_place(where).find(run)
        try:
            for line in log_lines(found, LogRequest(step, lines, follow)):
                print(line.as_json() if as_json else line, flush=follow)
        except KeyboardInterrupt:
            raise typer.Exit(CTRL_C) from None
