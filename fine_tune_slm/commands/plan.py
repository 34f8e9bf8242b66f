"""`fine-tune-slm plan`: what a run will need, said before anything starts."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from fine_tune_slm.commands.options import AsJson


def plan(
    config: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Training configuration; by default config/training_config.yml.")
    ] = None,
    gpu: Annotated[str, typer.Option(help="l4, a10g, l40s, a100 or h100; of the last two no price is known.")] = "l4",
    gpus: Annotated[int, typer.Option(min=1, help="How many of them.")] = 1,
    model: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Base model whose shape is not in the table.")
    ] = None,
    dataset: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Count the tokens of this dataset; needs --model.")
    ] = None,
    prices: Annotated[Path | None, typer.Option(metavar="FILE", help="Price table; by default config/prices.yml.")] = (
        None
    ),
    as_json: AsJson = False,
) -> None:
    """Say what memory, time and dollars a run will need, with the arithmetic; nothing is started or downloaded.

    Example: fine-tune-slm plan --gpu l4
    """
    from fine_tune_slm.planning import PlanOptions, run_plan  # noqa: PLC0415

    raise typer.Exit(run_plan(PlanOptions(config, gpu, gpus, model, dataset, prices, as_json)))
