"""A score report as the part of it that crosses process boundaries: counts and rates. It must not import torch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slm_core.records import Evaluation, FieldMetrics, Interval, MistakeCount

from extraction import outcomes
from extraction.mistakes import MistakeKind
from extraction.scores import FieldScore, ScoreReport

if TYPE_CHECKING:
    from training.answering import Manner


def as_evaluation(report: ScoreReport, seconds: float, manner: Manner) -> Evaluation:
    """Return the part of a score report that crosses process boundaries."""
    return Evaluation(
        samples=report.samples,
        macro_f1=report.macro_f1,
        macro_f1_interval=_interval(report.macro_f1_interval),
        micro_f1=report.micro_f1,
        record_exact=report.record_exact,
        record_exact_interval=_interval(report.record_exact_interval),
        json_valid=report.json_valid,
        ungrounded_rate=report.ungrounded_rate,
        fields={str(field): _field_metrics(value) for field, value in report.fields.items()},
        seconds=seconds,
        is_constrained=manner.is_constrained,
        ended_by_itself=manner.ended_by_itself,
        mistakes=tuple(_mistake_count(kind, report) for kind in report.mistakes),
    )


def _field_metrics(value: FieldScore) -> FieldMetrics:
    return FieldMetrics(
        precision=value.precision,
        recall=value.recall,
        f1=value.f1,
        f1_interval=_interval(value.f1_interval),
    )


def _mistake_count(kind: MistakeKind, report: ScoreReport) -> MistakeCount:
    by_field = {str(field): counts[kind] for field, counts in report.mistakes_by_field.items() if counts[kind]}
    return MistakeCount(kind=str(kind), total=report.mistakes[kind], by_field=by_field)


def _interval(ends: outcomes.Interval) -> Interval:
    return Interval(low=ends.low, high=ends.high)
