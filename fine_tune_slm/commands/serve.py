"""`fine-tune-slm serve`: a page on this machine that reads a pasted note."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fine_tune_slm.commands.options import ModelRunOption, gathers, whereabouts

if TYPE_CHECKING:
    from fine_tune_slm.desk.place import Whereabouts

LOOPBACK = "127.0.0.1"
PORT = 8000


@gathers(where=whereabouts)
def serve(
    run: ModelRunOption = "latest",
    host: Annotated[str, typer.Option(help="Where to listen; only this machine reaches the default.")] = LOOPBACK,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any that is free.")] = PORT,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Let --host be an address that other machines reach.")
    ] = False,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    model: Annotated[
        Path | None,
        typer.Option(help="Base model directory; by default the run's own in .local/models or the Hub's cache."),
    ] = None,
    unconstrained: Annotated[bool, typer.Option("--unconstrained", help="Not only valid JSON.")] = False,
    *,
    where: Whereabouts,
) -> None:
    """Serve a page that reads a pasted note and marks the words behind each value. Not for clinical decisions.

    Nothing that is pasted is stored or logged. Programs post {"input": note} to /extract.

    Example: fine-tune-slm serve --run latest --port 8000
    """
    from fine_tune_slm.extract import ModelChoice  # noqa: PLC0415
    from fine_tune_slm.serving.server import ServeRequest  # noqa: PLC0415
    from fine_tune_slm.serving.server import serve as serve_until_ctrl_c  # noqa: PLC0415

    flags = ["--unconstrained"] if unconstrained else []
    extractor = ModelChoice(run, model, where).extractor(flags)
    serve_until_ctrl_c(ServeRequest(extractor, host, port, allow_remote, open_browser))
