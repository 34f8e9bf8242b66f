"""`fine-tune-slm serve`: a page on this machine that reads a pasted note."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fine_tune_slm.commands.options import DEFAULT_ROOT, ModelRunOption, Root

LOOPBACK = "127.0.0.1"
PORT = 8000


def serve(
    run: ModelRunOption = "latest",
    host: Annotated[str, typer.Option(help="Where to listen; only this machine reaches the default.")] = LOOPBACK,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 takes any that is free.")] = PORT,
    allow_remote: Annotated[
        bool, typer.Option("--allow-remote", help="Let --host be an address that other machines reach.")
    ] = False,
    open_browser: Annotated[bool, typer.Option("--open", help="Open the page in a browser.")] = False,
    model: Annotated[Path | None, typer.Option(help="Base model directory; by default the rehearsal's.")] = None,
    unconstrained: Annotated[bool, typer.Option("--unconstrained", help="Not only valid JSON.")] = False,
    root: Root = DEFAULT_ROOT,
) -> None:
    """Serve a page that reads a pasted note and marks the words behind each value. Not for clinical decisions.

    Nothing that is pasted is stored or logged. Programs post {"input": note} to /extract.

    Example: fine-tune-slm serve --run latest --port 8000
    """
    from fine_tune_slm.extract import Extractor  # noqa: PLC0415
    from fine_tune_slm.kept_runs import KeptRuns  # noqa: PLC0415
    from fine_tune_slm.local_model import local_model_directory  # noqa: PLC0415
    from fine_tune_slm.project import find_project  # noqa: PLC0415
    from fine_tune_slm.serving.server import ServeRequest  # noqa: PLC0415
    from fine_tune_slm.serving.server import serve as serve_until_ctrl_c  # noqa: PLC0415

    kept = KeptRuns(root).find_model(run)
    flags = ["--unconstrained"] if unconstrained else []
    extractor = Extractor(kept, model or local_model_directory(root), find_project(), flags)
    serve_until_ctrl_c(ServeRequest(extractor, host, port, allow_remote, open_browser))
