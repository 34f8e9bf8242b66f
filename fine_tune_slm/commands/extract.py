"""`fine-tune-slm extract`: a note in, its record out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fine_tune_slm.commands.options import DEFAULT_ROOT, ModelRunOption, Root


def extract(
    notes: Annotated[
        list[str], typer.Argument(metavar="NOTE|-", help="Text files with one note each, .jsonl files, or - (stdin).")
    ],
    run: ModelRunOption = "latest",
    model: Annotated[Path | None, typer.Option(help="Base model directory; by default the rehearsal's.")] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Every input is JSON lines.")] = False,
    unconstrained: Annotated[bool, typer.Option("--unconstrained", help="Not only valid JSON.")] = False,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Add where the note supports each item, or that it does not.")
    ] = False,
    root: Root = DEFAULT_ROOT,
) -> None:
    """Print the seven-field record of each clinical note, as one JSON object a line. Not for clinical decisions.

    Example: fine-tune-slm extract --run latest NOTE.txt
    """
    from fine_tune_slm.extract import Extractor  # noqa: PLC0415
    from fine_tune_slm.kept_runs import KeptRuns  # noqa: PLC0415
    from fine_tune_slm.local_model import local_model_directory  # noqa: PLC0415
    from fine_tune_slm.notes import read_note  # noqa: PLC0415
    from fine_tune_slm.project import find_project  # noqa: PLC0415

    kept = KeptRuns(root).find_model(run)
    chosen = {"--jsonl": jsonl, "--unconstrained": unconstrained, "--evidence": evidence}
    flags = [name for name, is_on in chosen.items() if is_on]
    extractor = Extractor(kept, model or local_model_directory(root), find_project(), flags)
    if len(notes) == 1 and not jsonl and not notes[0].endswith(".jsonl"):
        print(extractor.answer(read_note(notes[0])))
    elif code := extractor.stream(notes):
        raise typer.Exit(code)
