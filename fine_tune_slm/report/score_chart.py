"""The F1 of every field as a dot on its interval: before, after, and of the previous release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup
from slm_core.records import Evaluation

from fine_tune_slm.report.charts import RIGHT, WIDTH, svg, text

_LABELS = 130
_TOP, _LINE, _GAP, _LEGEND = 26, 13, 10, 26
_RADIUS = 4.5
_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True)
class Series:
    """One model's scores in the chart."""

    name: str
    look: str
    """A class of the page's style sheet."""
    scores: Evaluation


def score_chart(series: Sequence[Series]) -> Markup:
    """Return the chart; the last series is the one that it is about."""
    names = list(series[-1].scores.fields)
    row = _LINE * len(series) + _GAP
    height = _TOP + row * len(names) + _LEGEND
    rules = Markup("").join(_rule(share, height - _LEGEND) for share in _SHARES)
    rows = Markup("").join(_row(name, _TOP + row * place, series) for place, name in enumerate(names))
    title = f"F1 by field with 95 % intervals, {', '.join(one.name for one in series)}; the table has the numbers"
    return svg(height, title, rules + rows + _legend(series, height - 8))


def _row(name: str, top: float, series: Sequence[Series]) -> Markup:
    middle = top + _LINE * len(series) / 2
    dots = Markup("").join(_dot(one, name, top + _LINE * (place + 0.5)) for place, one in enumerate(series))
    return text(0, middle + 4, name) + dots


def _dot(series: Series, name: str, y: float) -> Markup:
    field = series.scores.fields.get(name)
    if field is None:
        return Markup("")
    low, high = _x(field.f1_interval.low), _x(field.f1_interval.high)
    return _mark(series.look, (low, high, _x(field.f1)), y)


def _mark(look: str, places: tuple[float, float, float], y: float) -> Markup:
    low, high, at = places
    line = Markup('<line x1="{0:.1f}" x2="{1:.1f}" y1="{2:.1f}" y2="{2:.1f}"/>').format(low, high, y)
    circle = Markup('<circle cx="{:.1f}" cy="{:.1f}" r="{}"/>').format(at, y, _RADIUS)
    return Markup('<g class="{}">{}{}</g>').format(look, line, circle)


def _legend(series: Sequence[Series], y: float) -> Markup:
    drawn, x = Markup(""), float(_LABELS)
    for one in series:
        drawn += _mark(one.look, (x, x + 24, x + 12), y - 4) + text(x + 32, y, one.name)
        x += 60 + 7 * len(one.name)
    return drawn


def _rule(share: float, bottom: float) -> Markup:
    line = Markup('<line class="rule" x1="{0}" x2="{0}" y1="{1}" y2="{2}"/>').format(
        f"{_x(share):.1f}", _TOP - 8, f"{bottom:.1f}"
    )
    return line + text(_x(share), 12, f"{share:g}", "middle")


def _x(share: float) -> float:
    return _LABELS + min(max(share, 0.0), 1.0) * (WIDTH - RIGHT - _LABELS - _RADIUS)
