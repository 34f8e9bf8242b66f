"""Shows a list of runs as a table, and below it what can be done with them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
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

CELLS: dict[str, Callable[[RunRow], str]] = {
    "run": lambda row: row.run_id,
    "state": lambda row: row.status,
    "started (UTC)": lambda row: f"{row.started_at.astimezone(UTC):%Y-%m-%d %H:%M}" if row.started_at else "-",
    "time": lambda row: duration(row.seconds),
    "macro-F1": lambda row: score(row.macro_f1),
    "cost": lambda row: dollars(row.cost_usd),
    "error": lambda row: row.error or "",
}
FIGURES = {"time", "macro-F1", "cost"}
MOST_WANTED_FIRST = ("run", "state", "error", "macro-F1", "time", "cost", "started (UTC)")
ALWAYS = {"run", "state"}
GAP = 2


def show_rows(rows: Sequence[RunRow], where: Whereabouts, console: Console | None = None) -> None:
    """Print the runs; where somebody reads, the commands that go on from here too."""
    # where nobody looks, no line is cut to a width
    console = console or Console(highlight=False, width=None if sys.stdout.isatty() else WIDE)
    if not rows:
        begin = "rehearse" if where.stage_meant is None else f"start{where.options}"
        console.print(f"No run of this kind. Begin one: fine-tune-slm {begin}", soft_wrap=True)
        return
    shown, left_out = _columns(rows, console.width)
    console.print(_table(shown))
    if console.is_terminal:
        if left_out:
            console.print(f"[dim]left out, for want of width: {', '.join(left_out)}[/]", soft_wrap=True)
        console.print(f"\n[dim]{escape(_next_steps(rows, where))}[/]", soft_wrap=True)


def _columns(rows: Sequence[RunRow], width: int) -> tuple[dict[str, list[str]], list[str]]:
    """Return the columns that fit beside the whole run ids, as cells by heading, and the headings of the others."""
    cells = {heading: [tell(row) for row in rows] for heading, tell in CELLS.items()}
    left, fitting = width, set()
    for heading in MOST_WANTED_FIRST:
        needed = max(map(len, (heading, *cells[heading])))
        if heading in ALWAYS or needed <= left:
            left -= needed + GAP
            fitting.add(heading)
    shown = {heading: column for heading, column in cells.items() if heading in fitting}
    return shown, [heading for heading in cells if heading not in fitting]


def _table(columns: Mapping[str, Sequence[str]]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for heading in columns:
        # an id that is longer than the line is folded; it is never cut
        table.add_column(heading, justify="right" if heading in FIGURES else "left", overflow="fold")
    for row in zip(*columns.values(), strict=True):
        told = dict(zip(columns, map(escape, row), strict=True))
        state = RunState(told["state"])
        table.add_row(*(told | {"state": f"[{COLOURS.get(state, 'red')}]{state}[/]"}).values())
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
