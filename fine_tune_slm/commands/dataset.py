"""`fine-tune-slm dataset`: write, check and publish a dataset."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from fine_tune_slm.commands.options import DEFAULT_PARAMETER_ROOT, EndpointUrl, ParameterRoot, Profile, Region

SHOWN_PROBLEMS = 100

app = typer.Typer(help="Write, check and publish a dataset.", no_args_is_help=True, pretty_exceptions_enable=False)
Directory = Annotated[Path, typer.Argument(metavar="DIR", help="Directory with train, validation and manifest.")]


@app.command("check")
def check(path: Annotated[Path, typer.Argument(help="Dataset directory, or one JSONL file.")]) -> None:
    """Say what is wrong with a dataset: a line for each problem, by file and line, never by its text.

    Example: fine-tune-slm dataset check synthetic-instruction-tuning-dataset
    """
    from fine_tune_slm.dataset_check import check_dataset, check_file  # noqa: PLC0415
    from fine_tune_slm.errors import DatasetRefusedError  # noqa: PLC0415

    problems = check_dataset(path).problems if path.is_dir() else check_file(path).problems
    _print_problems(problems)
    if problems:
        raise DatasetRefusedError(f"The dataset has {len(problems)} problem(s)")
    print("No problem found.")


@app.command("publish")
def publish(
    directory: Directory,
    profile: Profile = None,
    region: Region = None,
    endpoint_url: EndpointUrl = None,
    parameter_root: ParameterRoot = DEFAULT_PARAMETER_ROOT,
) -> None:
    """Check a dataset, put it into the stack's bucket and make it the one that the next run uses.

    Example: fine-tune-slm dataset publish synthetic-instruction-tuning-dataset --profile research
    """
    from fine_tune_slm.aws import aws_refusals_explained, target  # noqa: PLC0415
    from fine_tune_slm.dataset_check import check_dataset  # noqa: PLC0415
    from fine_tune_slm.dataset_publish import publish_dataset  # noqa: PLC0415
    from fine_tune_slm.project import find_project  # noqa: PLC0415

    account = target(profile, region, endpoint_url, parameter_root)
    dataset = check_dataset(directory)
    _print_problems(dataset.problems)
    with aws_refusals_explained():
        uri = publish_dataset(dataset, account, account.setting_specs(find_project()))
    print(f"Published to {uri}; the next run uses it.")


@app.command("generate", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def generate(context: typer.Context) -> None:
    """Write the synthetic dataset; all options go to `python -m casebook generate`.

    Example: fine-tune-slm dataset generate --help
    """
    import subprocess  # noqa: PLC0415
    import sys  # noqa: PLC0415

    command = [sys.executable, "-m", "casebook", "generate", *context.args]
    raise typer.Exit(subprocess.run(command, check=False).returncode)


def _print_problems(problems: Iterable[object]) -> None:
    listed = list(problems)
    for problem in listed[:SHOWN_PROBLEMS]:
        print(problem)
    if len(listed) > SHOWN_PROBLEMS:
        print(f"... and {len(listed) - SHOWN_PROBLEMS} more")
