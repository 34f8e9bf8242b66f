"""`fine-tune-slm dataset`: write, check, judge, look at and publish a dataset."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from fine_tune_slm.commands.options import AsJson, account_of_stage, gathers
from fine_tune_slm.commands.verbs import Verbs

SHOWN_PROBLEMS = 100
# the same as in casebook.generate, which --help must not load; a test holds them together
DATASET_SEED = 20260101
DATASET_DIRECTORY = "synthetic-instruction-tuning-dataset"
MAX_RECORDS = 200_000

app = typer.Typer(
    cls=Verbs,
    help="Write, check, judge, look at and publish a dataset.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
Directory = Annotated[Path, typer.Argument(metavar="DIR", help="Directory with train, validation and manifest.")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same notes on every machine.")]

if TYPE_CHECKING:
    from fine_tune_slm.aws import AwsTarget


@app.command("generate")
def generate(
    seed: Seed = DATASET_SEED,
    train: Annotated[int, typer.Option(min=1, max=MAX_RECORDS, help="Records in train.jsonl.")] = 4500,
    validation: Annotated[int, typer.Option(min=1, max=MAX_RECORDS, help="Records in validation.jsonl.")] = 500,
    challenge: Annotated[int, typer.Option(min=1, max=MAX_RECORDS, help="Records in challenge.jsonl.")] = 400,
    output: Annotated[
        Path | None,
        typer.Option(help=f"Directory to write to, new or generated before; by default {DATASET_DIRECTORY}."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write the synthetic dataset: three files, manifest, card, and provenance/ with the span behind each label.

    Example: fine-tune-slm dataset generate --seed 7 --train 200 --validation 20 --challenge 20 --output /tmp/notes
    """
    from casebook.generate import Counts  # noqa: PLC0415
    from casebook.generate import generate as write_dataset  # noqa: PLC0415
    from fine_tune_slm.dataset_output import output_directory  # noqa: PLC0415
    from fine_tune_slm.errors import ArgumentInvalidError  # noqa: PLC0415
    from fine_tune_slm.progress_bar import progress_bar  # noqa: PLC0415

    sizes = {"train": train, "validation": validation, "challenge": challenge}
    is_default_edition = seed == DATASET_SEED and Counts(**sizes) == Counts()
    target = output_directory(output, Path(DATASET_DIRECTORY), is_default_edition=is_default_edition)
    try:
        with progress_bar("writing notes") as advance:
            manifest = write_dataset(target, seed=seed, **sizes, provenance=True, progress=advance)
    except OSError as error:
        raise ArgumentInvalidError(f"--output cannot be written to: {error.strerror}") from error
    if as_json:
        files = {name: {"sha256": entry.sha256, "records": entry.records} for name, entry in manifest.files.items()}
        print(json.dumps({"directory": str(target), "files": files}))
        return
    for name, entry in manifest.files.items():
        print(f"{entry.sha256}  {name}  {entry.records} records")


@app.command("check")
def check(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="Dataset directories or JSONL files.")],
    strict: Annotated[bool, typer.Option("--strict", help="Refuse a missing field instead of reading null.")] = False,
    tokenizer: Annotated[
        Path | None, typer.Option(help="Model directory whose tokens are counted; by default the rehearsal's.")
    ] = None,
    max_seq_length: Annotated[
        int | None, typer.Option(min=1, help="Tokens that fit; by default those of config/training_config.yml.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong or doubtful in any dataset of this schema, by file and line, never by its text; then count.

    Exit code 2 when a line cannot be trained on or a note stands in two files; warnings alone exit 0.

    Example: fine-tune-slm dataset check my-notes/train.jsonl my-notes/validation.jsonl
    """
    print(f"Checking {', '.join(map(str, paths))}", file=sys.stderr)
    from rich.console import Console  # noqa: PLC0415

    from fine_tune_slm.dataset_inspection_view import inspection_as_json, show_inspection  # noqa: PLC0415
    from fine_tune_slm.dataset_review import ReviewRequest, review  # noqa: PLC0415
    from fine_tune_slm.errors import DatasetRefusedError  # noqa: PLC0415
    from fine_tune_slm.progress_bar import progress_bar  # noqa: PLC0415

    with progress_bar("reading", has_count=False) as advance:
        inspection = review(ReviewRequest(paths, strict, tokenizer, max_seq_length), advance)
    if as_json:
        print(json.dumps(inspection_as_json(inspection)))
    else:
        show_inspection(inspection, Console(highlight=False))
    if errors := inspection.severities["error"]:
        raise DatasetRefusedError(f"The dataset has {errors} problem(s)")


@app.command("gates")
def gates(
    dataset: Annotated[Path | None, typer.Option(help="Generated dataset; by default the project's own.")] = None,
    as_json: AsJson = False,
) -> None:
    """Measure the quality gates of a generated dataset; exit 1 when one fails. Takes minutes.

    The notes are generated anew from the manifest and must be the files byte for byte.

    Example: fine-tune-slm dataset gates --dataset synthetic-instruction-tuning-dataset
    """
    from rich.console import Console  # noqa: PLC0415

    from casebook.gates import measure  # noqa: PLC0415
    from fine_tune_slm.dataset_gates import gates_as_json, notes_of, show_gates  # noqa: PLC0415
    from fine_tune_slm.progress_bar import progress_bar  # noqa: PLC0415
    from fine_tune_slm.project import find_project  # noqa: PLC0415

    with progress_bar("generating the notes anew") as advance:
        notes = notes_of(dataset or find_project() / DATASET_DIRECTORY, advance)
    with progress_bar("measuring", has_count=False):
        measured = measure(notes)
    if as_json:
        print(json.dumps(gates_as_json(measured)))
    else:
        show_gates(measured, Console(highlight=False))
    if not all(gate.passes for gate in measured):
        raise typer.Exit(1)


@app.command("sample")
def sample(
    genre: Annotated[str | None, typer.Option(help="Only notes of this genre, such as radiology.")] = None,
    entity: Annotated[str | None, typer.Option(help="Only notes about this cancer, by code or label.")] = None,
    count: Annotated[int, typer.Option(min=1, help="How many notes.")] = 5,
    seed: Seed = DATASET_SEED,
    as_json: AsJson = False,
) -> None:
    """Show generated notes with the words behind each label marked by field, and the distractors.

    With the default seed the first are notes of the project's dataset; a rare kind goes on with notes of the same seed
    beyond its end. Without colours spans stand in brackets.

    Example: fine-tune-slm dataset sample --genre radiology --entity melanoma --count 3
    """
    print(f"Generating notes from seed {seed}", file=sys.stderr)
    from rich.console import Console  # noqa: PLC0415

    from casebook.sample import CASES_TRIED, UnknownChoiceError, Wanted, sample_notes  # noqa: PLC0415
    from fine_tune_slm.errors import ArgumentInvalidError  # noqa: PLC0415
    from fine_tune_slm.note_view import legend, note_as_json, show_note  # noqa: PLC0415

    console, shown = Console(highlight=False), []
    if not as_json:
        legend(console)
    try:
        for split, note in sample_notes(Wanted(genre, entity, count, seed)):
            shown.append(note_as_json(note, split))
            if not as_json:
                show_note(note, split, console)
    except UnknownChoiceError as error:
        raise ArgumentInvalidError(str(error)) from error
    if as_json:
        print(json.dumps({"notes": shown}))
    if len(shown) < count:
        told = f"{len(shown)} of {count} notes: the seed gives no more of this kind among {CASES_TRIED:,} cases."
        print(told, file=sys.stderr if as_json else sys.stdout)


@app.command("publish")
@gathers(account=account_of_stage)
def publish(
    directory: Directory,
    *,
    account: AwsTarget,
    as_json: AsJson = False,
) -> None:
    """Check a dataset, put it into the stack's bucket and make it the one that the next run uses.

    Example: fine-tune-slm dataset publish synthetic-instruction-tuning-dataset --profile research
    """
    from fine_tune_slm.aws import aws_refusals_explained  # noqa: PLC0415
    from fine_tune_slm.dataset_check import check_dataset  # noqa: PLC0415
    from fine_tune_slm.dataset_publish import publish_dataset  # noqa: PLC0415
    from fine_tune_slm.project import find_project  # noqa: PLC0415

    dataset = check_dataset(directory)
    _print_problems(dataset.problems, sys.stderr if as_json else sys.stdout)
    with aws_refusals_explained():
        uri = publish_dataset(dataset, account, account.setting_specs(find_project()))
    print(json.dumps({"uri": uri}) if as_json else f"Published to {uri}; the next run uses it.")


def _print_problems(problems: Iterable[object], stream: TextIO) -> None:
    listed = list(problems)
    for problem in listed[:SHOWN_PROBLEMS]:
        print(problem, file=stream)
    if len(listed) > SHOWN_PROBLEMS:
        print(f"... and {len(listed) - SHOWN_PROBLEMS} more", file=stream)
