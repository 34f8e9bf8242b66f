"""Shows scores as tables: per field with intervals, what went wrong with nulls, which kinds of mistake were made."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from extraction.comparison import Comparison, Difference
from extraction.outcomes import Interval
from extraction.scores import ScoreReport
from fine_tune_slm.wording import percent


def show_scores(report: ScoreReport, console: Console) -> None:
    """Print the scores of one set of answers."""
    console.print(f"{report.samples} notes; F1 over items, 95 % intervals over resampled notes\n", highlight=False)
    for title, table in (
        ("", _fields(report)),
        ("", _overall(report)),
        ("Nulls (notes) and rates (items)\n", _nulls(report)),
        ("Mistakes\n", _mistakes(report)),
    ):
        console.print(title, highlight=False, end="")
        console.print(table)
        console.print()


def show_comparison(comparison: Comparison, console: Console) -> None:
    """Print how much one set of answers is better than the other."""
    console.print("Difference to the other answers, paired over the same notes (first minus other)\n", highlight=False)
    table = _table("", "difference", "95 % interval", "")
    rows = {
        "macro-F1": comparison.macro_f1,
        "micro-F1": comparison.micro_f1,
        "record exact": comparison.record_exact,
        **{f"F1 {name}": difference for name, difference in comparison.fields.items()},
    }
    for name, difference in rows.items():
        interval = f"{difference.interval.low:+.3f} to {difference.interval.high:+.3f}"
        table.add_row(name, f"{difference.difference:+.3f}", interval, _verdict(difference))
    console.print(table)


def _verdict(difference: Difference) -> str:
    if difference.interval.low > 0:
        return "better"
    return "worse" if difference.interval.high < 0 else "no clear difference"


def _fields(report: ScoreReport) -> Table:
    table = _table("field", "F1", "95 % interval", "precision", "recall", "strict", "exact")
    for name, field in report.fields.items():
        rates = (field.precision, field.recall, field.strict, field.exact)
        table.add_row(name, f"{field.f1:.3f}", _interval(field.f1_interval), *(f"{rate:.3f}" for rate in rates))
    return table


def _overall(report: ScoreReport) -> Table:
    table = _table("", "", "95 % interval")
    table.add_row("macro-F1", f"{report.macro_f1:.3f}", _interval(report.macro_f1_interval))
    table.add_row("micro-F1", f"{report.micro_f1:.3f}", _interval(report.micro_f1_interval))
    table.add_row("record exact", f"{report.record_exact:.3f}", _interval(report.record_exact_interval))
    table.add_row("strict match", f"{report.macro_strict:.3f}", "")
    table.add_row("JSON valid", percent(report.json_valid), "")
    table.add_row("ungrounded", percent(report.ungrounded_rate), "")
    table.add_row("omitted", percent(report.omission_rate), "")
    return table


def _nulls(report: ScoreReport) -> Table:
    table = _table("field", "both null", "invented", "omitted", "both valued", "ungrounded", "omission")
    for name, field in report.fields.items():
        nulls = field.nulls
        cells = (nulls.both_null, nulls.hallucinated, nulls.omitted, nulls.both_valued)
        table.add_row(name, *map(str, cells), percent(field.ungrounded_rate), percent(field.omission_rate))
    return table


def _mistakes(report: ScoreReport) -> Table:
    table = _table("kind", "all")
    table.add_column("by field")
    for kind, count in report.mistakes.items():
        by_field = {name: counts[kind] for name, counts in report.mistakes_by_field.items() if counts[kind]}
        table.add_row(str(kind), str(count), ", ".join(f"{name} {number}" for name, number in by_field.items()))
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="", padding=(0, 2, 0, 0))
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right")
    return table


def _interval(interval: Interval) -> str:
    return f"{interval.low:.3f} to {interval.high:.3f}"
