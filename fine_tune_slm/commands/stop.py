"""`fine-tune-slm stop`: a run is ended, and its instance is seen to stop."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Annotated

import typer

from fine_tune_slm.commands.options import CTRL_C, AsJson, RunId, gathers, whereabouts

if TYPE_CHECKING:
    from fine_tune_slm.desk.place import Whereabouts


@gathers(where=whereabouts)
def stop(
    run: RunId,
    wait_seconds: Annotated[float, typer.Option(min=0.0, help="How long to look for the instance to stop.")] = 300.0,
    *,
    where: Whereabouts,
    as_json: AsJson = False,
) -> None:
    """End a run: its execution at once; its instance is stopped by the reaper, which this command waits to see.

    The last checkpoint stays, so that the run can be resumed. Stopping twice changes nothing. `latest` is refused (exit
    code 2) where the newest run has ended and another one goes on.

    Example: fine-tune-slm stop run-20261122-175734-57e4 --stage prod
    """
    from rich.console import Console  # noqa: PLC0415

    from fine_tune_slm.aws import aws_refusals_explained  # noqa: PLC0415
    from fine_tune_slm.desk.place import find_place  # noqa: PLC0415
    from fine_tune_slm.desk.stopping import Patience, find_to_stop, stop_and_see  # noqa: PLC0415

    console = Console(stderr=as_json, highlight=False)
    with aws_refusals_explained():
        place = find_place(where)
        found = find_to_stop(place, run)
        try:
            answer = stop_and_see(place, found, Patience(wait_seconds), console)
        except KeyboardInterrupt:
            console.print(
                f"No longer looking. Look again with: fine-tune-slm stop {found.run_id}{where.options}", soft_wrap=True
            )
            raise typer.Exit(CTRL_C) from None
    told = dataclasses.asdict(answer) | {"status": answer.status.lower()}
    print(json.dumps(told) if as_json else answer.sentence())
