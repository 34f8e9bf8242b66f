"""`fine-tune-slm report`: the run's report.html, made again from what is kept of it."""

from __future__ import annotations

import json
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from fine_tune_slm.commands.options import DEFAULT_ROOT, AsJson, Root


def report(
    run: Annotated[str, typer.Argument(help="Run id, or latest: the newest run that has ended.")] = "latest",
    output: Annotated[Path | None, typer.Option(help="Write it there instead of beside the run.")] = None,
    is_opened: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    root: Root = DEFAULT_ROOT,
    as_json: AsJson = False,
) -> None:
    """Write the report of a kept run, however it ended: one HTML file that needs no network.

    Example: fine-tune-slm report latest --open
    """
    from fine_tune_slm.closing import ended_run, write_run_report  # noqa: PLC0415
    from fine_tune_slm.errors import ArgumentInvalidError  # noqa: PLC0415
    from fine_tune_slm.kept_runs import KeptRuns  # noqa: PLC0415

    kept = KeptRuns(root).find_ended(run)
    result = ended_run(kept)
    try:
        path = write_run_report(result, output)
    except OSError as error:
        raise ArgumentInvalidError(f"The report cannot be written there: {error.strerror}") from error
    print(json.dumps({"run_id": kept.run_id, "report": str(path)}) if as_json else path)
    if is_opened and not webbrowser.open(path.resolve().as_uri()):
        print("No browser could be started; open the file above.", file=sys.stderr)
