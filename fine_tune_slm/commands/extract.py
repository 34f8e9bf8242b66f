"""`fine-tune-slm extract`: a note in, its record out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fine_tune_slm.commands.options import DEFAULT_ROOT, Root


def extract(
    note: Annotated[str, typer.Argument(metavar="NOTE|-", help="Text file with one note; - reads standard input.")],
    run: Annotated[str, typer.Option(help="Run id, or latest: the newest run with an archive.")] = "latest",
    model: Annotated[Path | None, typer.Option(help="Base model directory; by default the rehearsal's.")] = None,
    root: Root = DEFAULT_ROOT,
) -> None:
    """Print the seven-field record of a clinical note, as one JSON object. Not for clinical decisions.

    Example: fine-tune-slm extract --run latest NOTE.txt
    """
    from fine_tune_slm.extract import extract as extract_record  # noqa: PLC0415
    from fine_tune_slm.kept_runs import KeptRuns  # noqa: PLC0415
    from fine_tune_slm.local_model import local_model_directory  # noqa: PLC0415
    from fine_tune_slm.notes import read_note  # noqa: PLC0415
    from fine_tune_slm.project import find_project  # noqa: PLC0415

    kept = KeptRuns(root).find(run)
    base_model = model or local_model_directory(root)
    print(extract_record(kept, read_note(note), base_model, find_project()))
