"""The states of an execution as bars on its time axis, above them the time in which the instance was billed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from fine_tune_slm.report.billing import Stretch
from fine_tune_slm.report.charts import RIGHT, WIDTH, svg, text
from fine_tune_slm.timeline import StateVisit, Timeline
from fine_tune_slm.wording import duration

BILLED = "instance billed"
_LABELS, _ROW, _BAR, _AXIS = 170, 22, 14, 26
_SHORTEST_BAR = 2.0
_JOINED_BELOW = 1.0
"""Bars nearer to each other than this are drawn as one: a run of days polls more often than a page has dots."""


@dataclass
class _Bar:
    look: str
    left: float
    right: float


@dataclass(frozen=True)
class _TimeAxis:
    begins_at: datetime
    seconds: float

    def place(self, when: datetime) -> float:
        """Return how far to the right a moment lies; what lies outside the execution is drawn at its edge."""
        share = (when - self.begins_at).total_seconds() / max(self.seconds, 0.001)
        return _LABELS + min(max(share, 0.0), 1.0) * (WIDTH - _LABELS - RIGHT)


def state_chart(timeline: Timeline, stretches: Sequence[Stretch]) -> Markup:
    """Return the chart; an empty string for an execution that entered no state or has not ended."""
    if timeline.started_at is None or timeline.ended_at is None or not timeline.visits:
        return Markup("")
    axis = _TimeAxis(timeline.started_at, timeline.seconds or 0.0)
    rows = [(BILLED, _billed_bars(stretches, axis))] if stretches else []
    rows += [(total.name, _state_bars(total.name, timeline, axis)) for total in timeline.totals()]
    drawn = Markup("").join(_row(place, name, bars) for place, (name, bars) in enumerate(rows))
    height = len(rows) * _ROW + _AXIS
    title = f"States of the workflow over {duration(timeline.seconds)}; the table has the times"
    return svg(height, title, drawn + _time_labels(axis, height))


def _state_bars(name: str, timeline: Timeline, axis: _TimeAxis) -> list[_Bar]:
    visits = [visit for visit in timeline.visits if visit.name == name]
    bars: list[_Bar] = []
    for bar in (_visit_bar(visit, timeline, axis) for visit in visits):
        if bars and bars[-1].look == bar.look and bar.left - bars[-1].right < _JOINED_BELOW:
            bars[-1].right = max(bars[-1].right, bar.right)
        else:
            bars.append(bar)
    return bars


def _visit_bar(visit: StateVisit, timeline: Timeline, axis: _TimeAxis) -> _Bar:
    left_at = visit.left_at or timeline.ended_at or visit.entered_at
    return _Bar("bad" if visit.error else "bar", axis.place(visit.entered_at), axis.place(left_at))


def _billed_bars(stretches: Sequence[Stretch], axis: _TimeAxis) -> list[_Bar]:
    return [_Bar("billed", axis.place(stretch.begins_at), axis.place(stretch.ends_at)) for stretch in stretches]


def _row(place: int, name: str, bars: Sequence[_Bar]) -> Markup:
    drawn = Markup("").join(
        Markup('<rect class="{}" x="{:.1f}" y="{}" width="{:.1f}" height="{}" rx="2"/>').format(
            bar.look, bar.left, place * _ROW + 4, max(bar.right - bar.left, _SHORTEST_BAR), _BAR
        )
        for bar in bars
    )
    return text(0, place * _ROW + 15, name) + drawn


def _time_labels(axis: _TimeAxis, height: int) -> Markup:
    ends = text(_LABELS, height - 6, "0 s") + text(WIDTH - RIGHT, height - 6, duration(axis.seconds), "end")
    middle = (_LABELS + WIDTH - RIGHT) / 2
    return ends + text(middle, height - 6, duration(axis.seconds / 2), "middle")
