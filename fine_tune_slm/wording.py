"""Numbers as people read them: durations, shares, loss, sizes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean

from slm_core.records import FieldMetrics, Interval, Phase, Progress

PHASES = {
    Phase.DOWNLOADING: "fetching model and dataset",
    Phase.EVALUATING_BEFORE: "evaluating before tuning",
    Phase.TRAINING: "training",
    Phase.EVALUATING_AFTER: "evaluating after tuning",
    Phase.PACKAGING: "packaging",
    Phase.DONE: "done",
}
EVALUATIONS = {Phase.EVALUATING_BEFORE, Phase.EVALUATING_AFTER}

BARS = "▁▂▃▄▅▆▇█"
SPARKLINE_WIDTH = 20


def duration(seconds: float | None) -> str:
    """Return a length of time, as precise as a reader needs it."""
    if seconds is None:
        return "-"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min"


def percent(share: float | None) -> str:
    """Return a share as a percentage."""
    return "-" if share is None else f"{share * 100:.1f} %"


def score(value: float | None) -> str:
    """Return a score between 0 and 1 with two decimals."""
    return "-" if value is None else f"{value:.2f}"


def interval(bounds: Interval | None) -> str:
    """Return a 95 % interval."""
    return "-" if bounds is None else f"{bounds.low:.2f} to {bounds.high:.2f}"


def field_score(metrics: FieldMetrics | None) -> str:
    """Return the F1 of one field, or a dash when it was not measured."""
    return score(metrics.f1 if metrics else None)


def dollars(amount: float | None) -> str:
    """Return an amount in US dollars, to a tenth of a cent where it is small."""
    if amount is None:
        return "-"
    return f"${amount:.4f}" if amount < 0.1 else f"${amount:.2f}"


def progress_detail(progress: Progress) -> str:
    """Return what one progress report says beside its phase: how far, how fast, how long still."""
    unit = "record" if progress.phase in EVALUATIONS else "step"
    parts = [
        f"{unit} {progress.step}/{progress.total_steps}" if progress.total_steps else "",
        *(_training_parts(progress) if progress.phase is Phase.TRAINING else []),
        f"{_how_sure(progress.phase)} {duration(progress.seconds_left)} left of this phase"
        if progress.seconds_left
        else "",
    ]
    return "  ".join(part for part in parts if part)


def _how_sure(phase: Phase) -> str:
    """Return what kind of bound a phase's time left is: answers that are being written may all end together."""
    return "at most" if phase in EVALUATIONS else "about"


def sparkline(values: Sequence[float], width: int = SPARKLINE_WIDTH) -> str:
    """Return the course of numbers as a line of bars: the least is the lowest; means where there are many."""
    if len(values) < 2:
        return ""
    size = -(-len(values) // width)
    means = [fmean(values[start : start + size]) for start in range(0, len(values), size)]
    least, span = min(means), max(means) - min(means)
    return "".join(BARS[round((mean - least) / span * (len(BARS) - 1)) if span else 0] for mean in means)


def _training_parts(progress: Progress) -> list[str]:
    return [
        f"loss {progress.loss:.3f}" if progress.loss is not None else "",
        sparkline(progress.losses),
        f"{progress.tokens_per_second:.0f} tokens/s" if progress.tokens_per_second else "",
        f"checkpoint {progress.checkpoint_step}" if progress.checkpoint_step else "",
        f"resumed from step {progress.resumed_from_step}" if progress.resumed_from_step else "",
    ]
