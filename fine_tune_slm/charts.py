"""Draws the report's charts as inline SVG: no script, no network, colours of the page's theme."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup

from fine_tune_slm.timeline import StateVisit, Timeline
from fine_tune_slm.wording import duration

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 48, 12, 12, 32
ROW = 22
LABELS = 170
SHORTEST_BAR = 2.0


@dataclass(frozen=True)
class Point:
    """One point of a curve."""

    x: float
    y: float


def curve(points: Sequence[Point], x_name: str, y_name: str) -> Markup:
    """Return a line chart; an empty string for fewer than two points."""
    if len(points) < 2:
        return Markup("")
    low_x, high_x = points[0].x, points[-1].x
    high_y = max(point.y for point in points) or 1.0
    across = (WIDTH - LEFT - RIGHT) / ((high_x - low_x) or 1.0)
    up = (HEIGHT - TOP - BOTTOM) / high_y
    line = " ".join(f"{LEFT + (point.x - low_x) * across:.1f},{HEIGHT - BOTTOM - point.y * up:.1f}" for point in points)
    title = f"{y_name} over {x_name}: from {points[0].y:.3f} to {points[-1].y:.3f}"
    ticks = "".join(_y_tick(share * high_y, HEIGHT - BOTTOM - share * high_y * up) for share in (0.0, 0.5, 1.0))
    ends = _text(LEFT, HEIGHT - 10, f"{x_name} {low_x:g}") + _text(WIDTH - RIGHT, HEIGHT - 10, f"{high_x:g}", "end")
    return _svg(HEIGHT, title, ticks + Markup('<polyline class="line" points="{}"/>').format(line) + ends)


def state_bars(timeline: Timeline) -> Markup:
    """Return one bar for each stay of notice in a state, on the time axis of the execution."""
    start, end = timeline.started_at, timeline.ended_at
    if start is None or end is None or not timeline.visits:
        return Markup("")
    names = [total.name for total in timeline.totals()]
    rows = Markup("").join(_text(0, 15 + row * ROW, name) for row, name in enumerate(names))
    bars = Markup("").join(_bar(visit, names.index(visit.name), start, end) for visit in timeline.visits)
    return _svg(len(names) * ROW + 8, f"States over {duration(timeline.seconds)}", rows + bars)


def _bar(visit: StateVisit, row: int, start: datetime, end: datetime) -> Markup:
    scale = (WIDTH - LABELS - RIGHT) / max((end - start).total_seconds(), 0.001)
    x = LABELS + (visit.entered_at - start).total_seconds() * scale
    width = max(((visit.left_at or end) - visit.entered_at).total_seconds() * scale, SHORTEST_BAR)
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="14" rx="2"/>').format(
        "bad" if visit.error else "bar", f"{x:.1f}", row * ROW + 4, f"{width:.1f}"
    )


def _y_tick(value: float, y: float) -> Markup:
    rule = Markup('<line class="rule" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>').format(LEFT, WIDTH - RIGHT, f"{y:.1f}")
    return rule + _text(LEFT - 6, round(y) + 4, f"{value:.2f}", "end")


def _text(x: float, y: float, text: str, anchor: str = "start") -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(x, y, anchor, text)


def _svg(height: int, title: str, content: str) -> Markup:
    return Markup('<svg viewBox="0 0 {} {}" role="img"><title>{}</title>{}</svg>').format(WIDTH, height, title, content)
