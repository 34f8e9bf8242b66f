"""Draws the report's charts as inline SVG: no script, no network, colours of the page's theme."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from markupsafe import Markup

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 56, 14, 14, 36
MOST_POINTS = 600
_TICKS = 4
_SMOOTHED_SHARE = 0.05


@dataclass(frozen=True)
class Point:
    """One point of a curve."""

    x: float
    y: float


@dataclass(frozen=True)
class Axes:
    """What a curve shows."""

    x_name: str
    y_name: str
    show: Callable[[float], str]
    """How a value of y is written."""
    is_noisy: bool = False
    """A moving mean is drawn over the points."""


@dataclass(frozen=True)
class _Scale:
    """From values to places on the drawing."""

    low_x: float
    across: float
    high_y: float

    def place(self, point: Point) -> str:
        """Return a point as SVG wants it in a polyline."""
        return f"{LEFT + (point.x - self.low_x) * self.across:.1f},{self.height(point.y):.1f}"

    def height(self, y: float) -> float:
        """Return the place of a value of y."""
        return HEIGHT - BOTTOM - y * (HEIGHT - TOP - BOTTOM) / self.high_y


def curve(points: Sequence[Point], axes: Axes) -> Markup:
    """Return a line chart from zero up; an empty string for fewer than two finite points."""
    finite = [point for point in points if math.isfinite(point.y)]
    if len(finite) < 2:
        return Markup("")
    ticks = nice_ticks(max(point.y for point in finite))
    low_x, high_x = finite[0].x, finite[-1].x
    scale = _Scale(low_x, (WIDTH - LEFT - RIGHT) / ((high_x - low_x) or 1.0), ticks[-1])
    rules = Markup("").join(_y_tick(axes.show(value), scale.height(value)) for value in ticks)
    lines = _line(finite, scale, "faint" if axes.is_noisy else "line")
    if axes.is_noisy:
        lines += _line(moving_mean(finite), scale, "line")
    ends = text(LEFT, HEIGHT - 12, f"{axes.x_name} {low_x:g}") + text(WIDTH - RIGHT, HEIGHT - 12, f"{high_x:g}", "end")
    return svg(HEIGHT, describe(finite, axes), rules + lines + ends)


def describe(points: Sequence[Point], axes: Axes) -> str:
    """Return what a curve shows, for whoever does not see it."""
    lowest = min(points, key=lambda point: point.y)
    highest = max(points, key=lambda point: point.y)
    told = {"first": points[0], "last": points[-1], "lowest": lowest, "highest": highest}
    values = ", ".join(f"{what} {axes.show(point.y)} at {point.x:g}" for what, point in told.items())
    return f"{axes.y_name} by {axes.x_name}: {values}"


def thinned(points: Sequence[Point], most: int = MOST_POINTS) -> list[Point]:
    """Return at most so many points that keep every stretch's lowest and highest, so that no spike is lost."""
    if len(points) <= most:
        return list(points)
    stretches = most // 2
    kept = []
    for index in range(stretches):
        stretch = points[index * len(points) // stretches : (index + 1) * len(points) // stretches]
        ends = {min(stretch, key=lambda point: point.y), max(stretch, key=lambda point: point.y)}
        kept += sorted(ends, key=lambda point: point.x)
    return kept


def moving_mean(points: Sequence[Point], share: float = _SMOOTHED_SHARE) -> list[Point]:
    """Return the mean around each point, over a share of all points; fewer at the ends."""
    half = round(len(points) * share / 2)
    sums = [0.0, *accumulate(point.y for point in points)]
    around = [(max(0, place - half), min(len(points), place + half + 1)) for place in range(len(points))]
    return [
        Point(point.x, (sums[end] - sums[start]) / (end - start))
        for point, (start, end) in zip(points, around, strict=True)
    ]


def nice_ticks(high: float) -> list[float]:
    """Return round values from zero to the first that is not below `high`."""
    if high <= 0:
        return [0.0, 1.0]
    rough = high / _TICKS
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(magnitude * factor for factor in (1, 2, 2.5, 5, 10) if magnitude * factor >= rough * (1 - 1e-9))
    return [step * index for index in range(math.ceil(high / step - 1e-9) + 1)]


def text(x: float, y: float, words: str, anchor: str = "start") -> Markup:
    """Return a piece of text."""
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(f"{x:g}", f"{y:g}", anchor, words)


def svg(height: int, title: str, content: Markup) -> Markup:
    """Return a drawing with a title for whoever does not see it."""
    return Markup('<svg viewBox="0 0 {} {}" role="img"><title>{}</title>{}</svg>').format(WIDTH, height, title, content)


def _line(points: Sequence[Point], scale: _Scale, look: str) -> Markup:
    places = " ".join(scale.place(point) for point in thinned(points))
    return Markup('<polyline class="{}" points="{}"/>').format(look, places)


def _y_tick(words: str, y: float) -> Markup:
    rule = Markup('<line class="rule" x1="{0}" x2="{1}" y1="{2}" y2="{2}"/>').format(LEFT, WIDTH - RIGHT, f"{y:.1f}")
    return rule + text(LEFT - 6, round(y) + 4, words, "end")
