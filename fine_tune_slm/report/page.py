"""Writes report.html: one file that needs no network and no script, readable in light, dark and on paper."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from slm_core import scoreboard
from slm_core.model_use import loading_code
from slm_core.records import Metrics

from fine_tune_slm import wording
from fine_tune_slm.report import cost, materials, mistakes
from fine_tune_slm.report.billing import billed_by_state, billed_stretches
from fine_tune_slm.report.charts import Axes, Point, curve
from fine_tune_slm.report.facts import ReportFacts
from fine_tune_slm.report.previous import PreviousRelease
from fine_tune_slm.report.score_chart import Series, score_chart
from fine_tune_slm.report.state_chart import state_chart
from fine_tune_slm.report.verdict import verdict_of

TEMPLATES = Path(__file__).with_name("templates")
LOSS = Axes("step", "Training loss", "{:.2f}".format, is_noisy=True)
LEARNING_RATE = Axes("step", "Learning rate", "{:.2g}".format)


@dataclass(frozen=True)
class Curve:
    """A curve with a few of its points in numbers."""

    name: str
    y_name: str
    drawing: str
    rows: tuple[tuple[str, str], ...]


def write_report(facts: ReportFacts, path: Path) -> None:
    """Write the report of a run."""
    path.write_text(render(facts), encoding="utf-8")


def render(facts: ReportFacts) -> str:
    """Return the report of a run as HTML."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"duration": wording.duration, "time": _time}
    page = environment.get_template("page.html.j2")
    return page.render(facts=facts, verdict=verdict_of(facts), **_sections(facts))


def _sections(facts: ReportFacts) -> dict[str, Any]:
    return (
        _scores(facts)
        | _mistakes(facts)
        | _time_and_money(facts)
        | {
            "curves": [_curve(*pair) for pair in _curves(facts) if len(pair[0]) > 1],
            "materials": materials.bill_of_materials(facts.manifest, facts.spec),
            "configuration": materials.configuration(facts.spec),
            "loading_code": _loading_code(facts),
        }
    )


def _scores(facts: ReportFacts) -> dict[str, Any]:
    metrics = facts.metrics
    if metrics is None:
        return {}
    return {
        "field_rows": scoreboard.field_rows(metrics),
        "measure_rows": scoreboard.measure_rows(metrics),
        "gate_rows": scoreboard.gate_rows(facts.gate),
        "score_chart": score_chart(_series(metrics, facts.previous)),
        "training_rows": scoreboard.training_rows(facts.spec, metrics.training) if facts.spec else (),
        "measured_how": scoreboard.measured_how(metrics.after),
        "previous_rows": scoreboard.field_rows(_beside_previous(facts.previous, metrics)) if facts.previous else (),
    }


def _beside_previous(previous: PreviousRelease, metrics: Metrics) -> Metrics:
    """Return the scores with the previous release in the place of the untuned model."""
    return metrics.model_copy(update={"before": previous.metrics.after, "gain": previous.gain})


def _series(metrics: Metrics, previous: PreviousRelease | None) -> list[Series]:
    return [
        *([Series("before tuning", "before", metrics.before)] if metrics.before else []),
        *([Series("previous release", "previous", previous.metrics.after)] if previous else []),
        Series("after tuning", "after", metrics.after),
    ]


def _mistakes(facts: ReportFacts) -> dict[str, Any]:
    return {
        "kind_rows": mistakes.kind_rows(facts.metrics) if facts.metrics else [],
        "examples": [mistakes.show_example(example) for example in facts.examples],
    }


def _time_and_money(facts: ReportFacts) -> dict[str, Any]:
    stretches = billed_stretches(facts.record)
    return {
        "state_chart": state_chart(facts.timeline, stretches),
        "billed": billed_by_state(facts.timeline, stretches),
        "has_billing": bool(stretches),
        "cost_sentence": cost.cost_sentence(facts.record, is_emulated=facts.is_emulated),
        "cost_rows": cost.cost_rows(facts.record),
        "training_share": cost.training_share(facts.record),
    }


def _curves(facts: ReportFacts) -> list[tuple[tuple[Point, ...], Axes]]:
    return [(facts.curves.losses, LOSS), (facts.curves.learning_rates, LEARNING_RATE)]


def _curve(points: tuple[Point, ...], axes: Axes) -> Curve:
    tenth = max(1, len(points) // 10)
    shown = dict.fromkeys([*points[::tenth], points[-1]])
    rows = tuple((f"{point.x:g}", axes.show(point.y)) for point in shown)
    return Curve(axes.y_name.lower().replace(" ", "-"), axes.y_name, curve(points, axes), rows)


def _loading_code(facts: ReportFacts) -> str:
    record = facts.record
    if facts.spec is None or record is None or not record.hub_repo:
        return ""
    return loading_code(facts.spec, record.hub_revision)


def _time(moment: Any) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"
