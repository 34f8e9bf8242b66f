"""What the dashboard shows of a run: CloudWatch metrics, written to the log, from where Lambda takes them."""

from __future__ import annotations

from aws_lambda_powertools.metrics import MetricUnit

from slm_core.records import RunRecord
from slm_core.state import TrainingState
from slm_core.step import metrics


def show_progress(training: TrainingState) -> None:
    """Emit how much of its phase the training has done; nothing while it has no steps."""
    if training.total_steps:
        percent = 100 * (training.step or 0) / training.total_steps
        metrics.add_metric(name="TrainingProgressPercent", unit=MetricUnit.Percent, value=percent)
        metrics.flush_metrics()


def show_run(record: RunRecord) -> None:
    """Emit what a run that has ended used and reached."""
    for name, value in _figures(record).items():
        if value is not None:
            metrics.add_metric(name=name, unit=MetricUnit.NoUnit, value=value)
    metrics.add_metric(name="RunEnded", unit=MetricUnit.Count, value=1)
    metrics.flush_metrics()


def _figures(record: RunRecord) -> dict[str, float | None]:
    scores = record.metrics
    return {
        "GpuMinutesBilled": None if record.billed_seconds is None else record.billed_seconds / 60,
        "CostUsd": record.cost_usd,
        "MacroF1": scores.after.macro_f1 if scores else None,
        "MacroF1Before": scores.before.macro_f1 if scores and scores.before else None,
    }
