"""Shows two runs beside each other as tables."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from slm_core.records import Difference

from fine_tune_slm.desk.comparison import ConfigDifference, RunComparison, ScorePair


def show_comparison(compared: RunComparison, console: Console) -> None:
    """Print the differences; what is the same in both runs is left out."""
    console.print(f"first   {compared.first.run_id}\nsecond  {compared.second.run_id}\n", soft_wrap=True)
    _show_differences("configuration", compared.configuration, compared.why_not_configured, console)
    if compared.scores:
        console.print(_score_table(compared.scores))
        console.print(f"\n{_how_paired(compared)}\n", soft_wrap=True)
    elif compared.why_not_paired:
        console.print(f"No scores are compared: {compared.why_not_paired}.\n", soft_wrap=True)
    _show_differences("time and cost", compared.usage, compared.why_not_used, console)


def _show_differences(
    what: str, differences: Iterable[ConfigDifference], why_not: str | None, console: Console
) -> None:
    if why_not:
        console.print(f"{what}: not compared: {escape(why_not)}\n", soft_wrap=True)
        return
    rows = [(one.key, _text(one.first), _text(one.second)) for one in differences]
    if not rows:
        console.print(f"{what}: the same in both\n")
        return
    table = _table(what, "first", "second")
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table)
    console.print()


def _score_table(scores: Iterable[ScorePair]) -> Table:
    table = _table("score", "first", "second", "difference", "95 % interval", "")
    for one in scores:
        difference = one.difference
        cells = (f"{difference.difference:+.3f}", _interval(difference), _verdict(difference)) if difference else ()
        table.add_row(one.name, f"{one.first:.3f}", f"{one.second:.3f}", *cells)
    return table


def _how_paired(compared: RunComparison) -> str:
    if compared.why_not_paired:
        return f"No differences are told: {compared.why_not_paired}."
    record = compared.second.record
    notes = record.metrics.after.samples if record and record.metrics else 0
    return f"second minus first, paired over the same {notes} notes; unclear where the interval spans 0"


def _interval(difference: Difference) -> str:
    return f"{difference.interval.low:+.3f} to {difference.interval.high:+.3f}"


def _verdict(difference: Difference) -> str:
    if difference.interval.low > 0:
        return "[green]better[/]"
    return "[red]worse[/]" if difference.interval.high < 0 else "unclear"


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right")
    return table
