"""`fine-tune-slm report`: the run's report.html, made from what is kept of it on this machine or in a stack."""

from __future__ import annotations

import json
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fine_tune_slm.commands.options import AsJson, gathers, whereabouts

if TYPE_CHECKING:
    from fine_tune_slm.desk.place import Whereabouts


@gathers(where=whereabouts)
def report(
    run: Annotated[str, typer.Argument(help="Run id, or latest: the newest run that has ended.")] = "latest",
    output: Annotated[
        Path | None,
        typer.Option(help="Write it there; by default beside a kept run, or as RUN-report.html for a run of a stack."),
    ] = None,
    is_opened: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    *,
    where: Whereabouts,
    as_json: AsJson = False,
) -> None:
    """Write the report of a run, however it ended: one HTML file that needs no network.

    A rehearsal's is made from what is kept of it, that of a stack's run from its record, history and archive.

    Example: fine-tune-slm report latest --open
    """
    from fine_tune_slm.closing import ended_run, write_run_report  # noqa: PLC0415
    from fine_tune_slm.desk.fetching import ended_run_here  # noqa: PLC0415
    from fine_tune_slm.errors import ArgumentInvalidError  # noqa: PLC0415

    kept = ended_run_here(where, run)
    if output is None and where.stage_meant:
        output = Path(f"{kept.run_id}-report.html")
    result = ended_run(kept, where)
    try:
        path = write_run_report(result, output)
    except OSError as error:
        raise ArgumentInvalidError(f"The report cannot be written there: {error.strerror}") from error
    print(json.dumps({"run_id": kept.run_id, "report": str(path)}) if as_json else path)
    if is_opened and not webbrowser.open(path.resolve().as_uri()):
        print("No browser could be started; open the file above.", file=sys.stderr)
