"""`fine-tune-slm score`: the metric over a file of answers, and how two files of answers differ."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from fine_tune_slm.commands.options import AsJson


def score(
    gold: Annotated[Path, typer.Option(help="JSONL file of dataset records.")],
    predictions: Annotated[Path, typer.Option(help="JSONL file with an answer for each gold record.")],
    compare: Annotated[
        Path | None, typer.Option(help="Other answers to the same notes: the paired difference.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Score answers against gold: F1 per field with 95 % intervals, nulls, ungrounded items, kinds of mistake.

    A line of predictions is a seven-field record, a JSON string with a model's raw output, a dataset record, or
    {"index", "answer"} as `python -m training evaluate --predictions FILE` writes it.

    Example: fine-tune-slm score --gold validation.jsonl --predictions tuned.jsonl --compare untuned.jsonl
    """
    print(f"Scoring {predictions} against {gold}", file=sys.stderr)
    from rich.console import Console  # noqa: PLC0415

    from extraction.comparison import compare as difference  # noqa: PLC0415
    from extraction.scores import score as score_answers  # noqa: PLC0415
    from fine_tune_slm.score_view import show_comparison, show_scores  # noqa: PLC0415
    from fine_tune_slm.scoring_files import read_answers, read_gold  # noqa: PLC0415

    records = read_gold(gold)
    answers = read_answers(predictions, records)
    others = read_answers(compare, records) if compare else None
    golds = [record.output for record in records]
    report = score_answers(golds, answers, [record.input for record in records])
    comparison = difference(golds, answers, others) if others is not None else None
    if as_json:
        compared = comparison.model_dump(mode="json") if comparison else None
        print(json.dumps({"scores": report.model_dump(mode="json"), "comparison": compared}))
        return
    console = Console(highlight=False)
    show_scores(report, console)
    if comparison is not None:
        show_comparison(comparison, console)
