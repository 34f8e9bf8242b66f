"""`fine-tune-slm runs` and `status`: what is kept of the rehearsals on this machine."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from fine_tune_slm.commands.options import DEFAULT_ROOT, AsJson, Root

if TYPE_CHECKING:
    from fine_tune_slm.kept_runs import KeptRun


def runs(root: Root = DEFAULT_ROOT, as_json: AsJson = False) -> None:
    """List the rehearsals kept on this machine, the newest first.

    Example: fine-tune-slm runs
    """
    from fine_tune_slm.kept_runs import KeptRuns  # noqa: PLC0415

    rows = [_row(kept) for kept in KeptRuns(root).all()]
    if as_json:
        print(json.dumps(rows))
        return
    for row in rows:
        f1 = "-" if row["macro_f1"] is None else f"{row['macro_f1']:.2f}"
        print(f"{row['run_id']}  {row['status']}  macro-F1 {f1}  {row['started_at'] or ''}".rstrip())
    if not rows:
        print("No run yet: fine-tune-slm rehearse makes one.")


def _row(kept: KeptRun) -> dict[str, str | float | None]:
    record = kept.read_record()
    return {
        "run_id": kept.run_id,
        "status": record.status if record else "unfinished",
        "started_at": record.started_at.isoformat(timespec="seconds") if record else None,
        "macro_f1": record.metrics.after.macro_f1 if record and record.metrics else None,
        "error": record.failure.error if record and record.failure else None,
    }


def status(
    run: Annotated[str, typer.Argument(help="Run id; by default the newest run.")] = "",
    root: Root = DEFAULT_ROOT,
    as_json: AsJson = False,
) -> None:
    """Show how a run ended: states, scores, and where everything lies; or its failure card.

    Example: fine-tune-slm status latest
    """
    from fine_tune_slm.closing import ended_run, show_result  # noqa: PLC0415
    from fine_tune_slm.kept_runs import KeptRuns  # noqa: PLC0415

    kept_runs = KeptRuns(root)
    kept = kept_runs.find(run) if run else kept_runs.newest()
    show_result(ended_run(kept), as_json=as_json)
