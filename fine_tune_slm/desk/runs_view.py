"""Shows a list of runs as a table, and below it what can be done with them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from fine_tune_slm.desk.place import Whereabouts
from fine_tune_slm.desk.rows import RunRow, RunState
from fine_tune_slm.wording import dollars, duration, score

WIDE = 240
COLOURS = {
    RunState.RUNNING: "cyan",
    RunState.SUCCEEDED: "green",
    RunState.REJECTED: "yellow",
    RunState.UNFINISHED: "yellow",
}


def show_rows(rows: Sequence[RunRow], where: Whereabouts, console: Console | None = None) -> None:
    """Print the runs; where somebody reads, the commands that go on from here too."""
    # where nobody looks, no line is cut to a width
    console = console or Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
    if not rows:
        begin = "rehearse" if where.stage_meant is None else f"start{where.options}"
        console.print(f"No run of this kind. Begin one: fine-tune-slm {begin}", soft_wrap=True)
        return
    console.print(_table(rows))
    if console.is_terminal:
        console.print(f"\n[dim]{escape(_next_steps(rows, where))}[/]", soft_wrap=True)


def _table(rows: Sequence[RunRow]) -> Table:
    table = Table("run", "state", box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("started (UTC)")
    for heading in ("time", "macro-F1", "cost"):
        table.add_column(heading, justify="right")
    table.add_column("error")
    for row in rows:
        colour = COLOURS.get(row.status, "red")
        started = f"{row.started_at.astimezone(UTC):%Y-%m-%d %H:%M}" if row.started_at else "-"
        figures = (duration(row.seconds), score(row.macro_f1), dollars(row.cost_usd))
        table.add_row(row.run_id, f"[{colour}]{row.status}[/]", started, *figures, escape(row.error or ""))
    return table


def _next_steps(rows: Sequence[RunRow], where: Whereabouts) -> str:
    newest, options = rows[0].run_id, where.options
    lines = [f"look at one   fine-tune-slm status {newest}{options}"]
    if len(rows) > 1:
        lines.append(f"compare two   fine-tune-slm compare {newest} {rows[1].run_id}{options}")
    if rows[0].status is RunState.RUNNING:
        lines.append(f"watch it      fine-tune-slm status {newest} --watch{options}")
        lines.append(f"stop it       fine-tune-slm stop {newest}{options}")
    return "\n".join(lines)
