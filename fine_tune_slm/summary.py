"""The end of a run on a terminal: status, states and times, scores before and after, and where everything lies."""

from __future__ import annotations

from collections.abc import Iterable

from rich import box
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table
from slm_core.records import Evaluation, Metrics

from extraction.schema import FIELDS
from fine_tune_slm.failure_card import FailureCard
from fine_tune_slm.timeline import Timeline
from fine_tune_slm.wording import duration, field_score, interval, percent, score


def status_line(status: str, seconds: float | None) -> str:
    """Return the verdict in one line."""
    colour = "green" if status == "SUCCEEDED" else "red"
    return f"[bold {colour}]{status}[/] in {duration(seconds)}"


def states_table(timeline: Timeline) -> Table:
    """Return every state with its visits, attempts and time."""
    table = Table(box=box.SIMPLE_HEAD, title="States", title_justify="left")
    table.add_column("state", no_wrap=True)
    table.add_column("visits", justify="right")
    table.add_column("attempts", justify="right")
    table.add_column("time", justify="right")
    table.add_column("last error")
    for total in timeline.totals():
        attempts = str(total.attempts) if total.attempts else ""
        table.add_row(total.name, str(total.visits), attempts, duration(total.seconds), escape(total.error or ""))
    return table


def states_as_json(timeline: Timeline) -> list[dict[str, str | int | float]]:
    """Return every state with its visits, attempts and time, for machines."""
    return [
        {"state": total.name, "visits": total.visits, "attempts": total.attempts, "seconds": total.seconds}
        for total in timeline.totals()
    ]


def metrics_table(metrics: Metrics) -> Table:
    """Return the scores of each field and of the whole, before and after tuning."""
    title = f"Scores on {metrics.after.samples} validation notes (F1 over items; 95 % intervals)"
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left")
    table.add_column("field", no_wrap=True)
    for heading in ("before", "after", "interval after", "precision", "recall"):
        table.add_column(heading, justify="right")
    for name in FIELDS:
        table.add_row(name, *_field_cells(name, metrics))
    table.add_section()
    for heading, cells in _overall_rows(metrics.before, metrics.after):
        table.add_row(f"[bold]{heading}[/]", *cells)
    return table


def _field_cells(name: str, metrics: Metrics) -> tuple[str, ...]:
    before = metrics.before.fields.get(name) if metrics.before else None
    after = metrics.after.fields.get(name)
    if after is None:
        return (field_score(before), "-", "-", "-", "-")
    return (
        field_score(before),
        field_score(after),
        interval(after.f1_interval),
        score(after.precision),
        score(after.recall),
    )


def _overall_rows(before: Evaluation | None, after: Evaluation) -> Iterable[tuple[str, tuple[str, ...]]]:
    yield (
        "macro-F1",
        (score(before.macro_f1 if before else None), score(after.macro_f1), interval(after.macro_f1_interval)),
    )
    yield "record exact", (percent(before.record_exact if before else None), percent(after.record_exact))
    yield "JSON valid", (percent(before.json_valid if before else None), percent(after.json_valid))
    ended_before = before.ended_by_itself if before else None
    yield "ended by itself", (percent(ended_before), percent(after.ended_by_itself))
    yield "ungrounded", (percent(before.ungrounded_rate if before else None), percent(after.ungrounded_rate))


def places_text(places: Iterable[tuple[str, str]]) -> str:
    """Return where everything lies, a line for each."""
    listed = list(places)
    width = max((len(name) for name, _ in listed), default=0)
    # the gate's table has several lines
    below = "\n" + " " * (width + 2)
    return "\n".join(f"[bold]{name:<{width}}[/]  {below.join(escape(place).splitlines())}" for name, place in listed)


def failure_text(card: FailureCard) -> str:
    """Return the failure card; it warns when the instance is not known to be off."""
    colour = "red" if card.is_instance_safe else "yellow"
    warning = "" if card.is_instance_safe else "[bold yellow]THE INSTANCE IS NOT KNOWN TO BE STOPPED[/]\n"
    return f"[bold {colour}]{escape(card.run_id)} {card.status}[/]\n{warning}{places_text(card.rows())}"


def show(console: Console, *parts: RenderableType) -> None:
    """Print the parts, an empty line between them; lines are not broken, so that a command can be copied whole."""
    for part in parts:
        console.print()
        console.print(part, soft_wrap=isinstance(part, str))
