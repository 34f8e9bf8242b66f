"""The two pictures of an archive: the loss over the steps, and the F1 of each field before and after tuning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from slm_core.records import Evaluation

from training.history import HistoryRow

mpl.use("Agg")

from matplotlib import pyplot as plt

BEFORE_COLOUR = "#9aa5b1"
AFTER_COLOUR = "#1f6f8b"
BAR_HEIGHT = 0.38


def plot_loss(history: Sequence[HistoryRow], path: Path) -> None:
    """Write the training loss by step as a PNG."""
    figure, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    axes.plot([row["step"] for row in history], [row["loss"] for row in history], color=AFTER_COLOUR, marker=".")
    axes.set(xlabel="optimiser step", ylabel="nats per answer token", title="Training loss", ylim=(0, None))
    _finish(figure, axes, path)


def plot_f1(before: Evaluation | None, after: Evaluation, path: Path) -> None:
    """Write the F1 of every field before and after tuning as a PNG, with 95 % intervals."""
    figure, axes = plt.subplots(figsize=(7, 4.2), layout="constrained")
    names = list(after.fields)
    if before is not None:
        _bars(axes, before, [place + BAR_HEIGHT / 2 for place in range(len(names))], ("before", BEFORE_COLOUR))
    _bars(axes, after, [place - BAR_HEIGHT / 2 for place in range(len(names))], ("after", AFTER_COLOUR))
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set(xlabel="item-level F1", xlim=(0, 1), title=f"{after.samples} held-out notes")
    axes.legend(loc="lower right")
    _finish(figure, axes, path)


def _bars(axes: plt.Axes, evaluation: Evaluation, places: Sequence[float], look: tuple[str, str]) -> None:
    label, colour = look
    scores = list(evaluation.fields.values())
    spread = [
        [max(0.0, score.f1 - score.f1_interval.low) for score in scores],
        [max(0.0, score.f1_interval.high - score.f1) for score in scores],
    ]
    axes.barh(places, [score.f1 for score in scores], BAR_HEIGHT, label=label, color=colour, xerr=spread)


def _finish(figure: plt.Figure, axes: plt.Axes, path: Path) -> None:
    axes.grid(axis="both", alpha=0.25)
    axes.spines[["top", "right"]].set_visible(False)
    # no Software entry: the file depends on its data alone
    figure.savefig(path, dpi=120, metadata={"Software": None})
    plt.close(figure)
