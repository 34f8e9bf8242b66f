"""`fine-tune-slm status`: how a run goes, or how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from fine_tune_slm.commands.options import AsJson, RunId, gathers, whereabouts

if TYPE_CHECKING:
    from fine_tune_slm.desk.place import Whereabouts


@gathers(where=whereabouts)
def status(
    run: RunId = "latest",
    watch: Annotated[bool, typer.Option("--watch", help="Live, until it has ended; exit 1 if it failed.")] = False,
    *,
    where: Whereabouts,
    as_json: AsJson = False,
) -> None:
    """Show how a run goes, or how it ended: states, scores, where everything lies; or its failure card.

    A lost terminal loses nothing: --watch picks a run up wherever it is. Ctrl-C ends the watching, not the run.

    Example: fine-tune-slm status latest --watch
    """
    from rich.console import Console  # noqa: PLC0415

    from fine_tune_slm.aws import aws_refusals_explained  # noqa: PLC0415
    from fine_tune_slm.desk.place import find_place  # noqa: PLC0415
    from fine_tune_slm.desk.status import show_status, watch_or_leave  # noqa: PLC0415

    console = Console(stderr=as_json, highlight=False)
    with aws_refusals_explained():
        found = find_place(where).find(run)
        if watch:
            raise typer.Exit(watch_or_leave(found, where, console, as_json=as_json))
        show_status(found, where, console, as_json=as_json)
