"""`fine-tune-slm extract`: a note in, its record out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fine_tune_slm.commands.options import ModelRunOption, gathers, whereabouts

if TYPE_CHECKING:
    from fine_tune_slm.desk.place import Whereabouts


@gathers(where=whereabouts)
def extract(
    notes: Annotated[
        list[str],
        typer.Argument(
            metavar="NOTE|-",
            help="Text files with one note each, .jsonl files, or - (stdin); an empty file is a mistake.",
        ),
    ],
    run: ModelRunOption = "latest",
    model: Annotated[
        Path | None,
        typer.Option(help="Base model directory; by default the run's own in .local/models or the Hub's cache."),
    ] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Every input is JSON lines.")] = False,
    unconstrained: Annotated[bool, typer.Option("--unconstrained", help="Not only valid JSON.")] = False,
    evidence: Annotated[
        bool, typer.Option("--evidence", help="Add where the note supports each item, or that it does not.")
    ] = False,
    *,
    where: Whereabouts,
) -> None:
    """Print the seven-field record of each clinical note, as one JSON object a line. Not for clinical decisions.

    Example: fine-tune-slm extract --run latest NOTE.txt
    """
    from slm_core.notes import Notes  # noqa: PLC0415

    from fine_tune_slm.extract import ModelChoice  # noqa: PLC0415
    from fine_tune_slm.notes import STDIN, read_note  # noqa: PLC0415

    chosen = {"--jsonl": jsonl, "--unconstrained": unconstrained, "--evidence": evidence}
    flags = [name for name, is_on in chosen.items() if is_on]
    choice = ModelChoice(run, model, where)
    if len(notes) > 1 or jsonl or notes[0].endswith(".jsonl"):
        Notes(notes, is_jsonl=jsonl).check()
        if code := choice.extractor(flags).stream(notes):
            raise typer.Exit(code)
        return
    # nobody types a note for which there is no model
    note = None if notes[0] == STDIN else read_note(notes[0])
    extractor = choice.extractor(flags)
    print(extractor.answer(read_note(STDIN) if note is None else note))
