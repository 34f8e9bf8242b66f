"""`fine-tune-slm rehearse`: the whole workflow, once, on this machine."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from fine_tune_slm.commands.options import DEFAULT_ROOT, AsJson, Root

DATASET = Path("synthetic-instruction-tuning-dataset")
LOCAL_CONFIG = "training_config.local.yml"
RUN_NAME = re.compile(r"[A-Za-z0-9_-]{1,50}")


def rehearse(
    execution_input: Annotated[
        str, typer.Option("--input", "-i", metavar="JSON|@FILE", help="Input of the execution, exactly as given.")
    ] = "{}",
    run_name: Annotated[str, typer.Option(help="First part of the run id; the start time follows.")] = "rehearsal",
    wait_scale: Annotated[float, typer.Option(min=0.0, help="Factor on the workflow's waits and retry pauses.")] = 0.4,
    dataset: Annotated[Path, typer.Option(help="Dataset directory to publish first.")] = DATASET,
    model: Annotated[
        Path | None, typer.Option(help="Base model directory; by default SmolLM2-135M-Instruct, built once.")
    ] = None,
    config: Annotated[str, typer.Option(help="Training configuration, a file of config/.")] = LOCAL_CONFIG,
    kill_training_at_step: Annotated[
        int | None, typer.Option(min=1, help="SIGKILL the training process once at this step, to see the relaunch.")
    ] = None,
    built: Annotated[
        bool, typer.Option("--built", help="Run what `make sam` built, under Lambda's Python, instead of the sources.")
    ] = False,
    engine: Annotated[
        Literal["process", "podman", "docker"],
        typer.Option(help="Train in a process, or in a container of the image that `make image` built."),
    ] = "process",
    keep: Annotated[int | None, typer.Option(min=1, help="Afterwards, remove all but so many kept runs.")] = None,
    root: Root = DEFAULT_ROOT,
    as_json: AsJson = False,
) -> None:
    """Run the whole workflow once on this machine, against an emulated AWS, with a small real Llama.

    What cannot work is refused before anything is deployed, with exit code 2.

    Example: fine-tune-slm rehearse --input '{"training": {"samples": 64}}'
    """
    from fine_tune_slm.execution_input import read_execution_input  # noqa: PLC0415
    from fine_tune_slm.project import find_project  # noqa: PLC0415
    from fine_tune_slm.rehearsal_request import RehearsalRequest  # noqa: PLC0415

    _require_plain(run_name)
    text, project = read_execution_input(execution_input), find_project()
    request = RehearsalRequest(
        execution_input=text,
        run_name=run_name,
        wait_scale=wait_scale,
        dataset=dataset,
        base_model=model,
        config_file=config,
        kill_training_at_step=kill_training_at_step,
        keep_runs=keep,
        is_built=built,
        engine=engine,
        root=root,
        project=project,
    )
    request.require_possible()
    from fine_tune_slm import rehearsal  # noqa: PLC0415 - seconds that a mistake need not wait for

    rehearsal.rehearse_and_show(request, as_json=as_json)


def _require_plain(run_name: str) -> None:
    if not RUN_NAME.fullmatch(run_name):
        raise typer.BadParameter("--run-name takes 1 to 50 letters, digits, hyphens and underscores")
