"""What the local model is worth after 0, 128, 640 and 2,000 records, on the full validation set: `make quality`.

Adapters and results are kept in .local/quality, so that a killed run goes on where it was. Writes
docs/measured/quality.{json,md}.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from scripts.quality.trials import KEPT, Request, cpu_hours, results_of, write_page
from scripts.tables import table

# the laptop's configuration, which is what the sweep found
RUNS: dict[str, dict[str, Any]] = {
    "not tuned": {"samples": 0},
    "128 records, seed 42": {"samples": 128},
    "128 records, seed 43": {"samples": 128, "seed": 43},
    "640 records": {"samples": 640},
    "2,000 records": {"samples": 2000},
}
# of the largest run, from the project's brief: name, smallest value
GOALS = {"macro_f1": 0.80, "record_exact": 0.25, "json_valid": 1.0, "ended_by_itself": 0.99}


def requests() -> dict[str, Request]:
    """Return the table's trials by name."""
    return {
        name: Request(
            overrides=overrides,
            measured_on="validation",
            answers=True,
            adapter=f"{KEPT.name}/{name.replace(' ', '-').replace(',', '')}" if overrides["samples"] else None,
        )
        for name, overrides in RUNS.items()
    }


def page(report: Mapping[str, Any]) -> str:
    """Return the table as a page."""
    runs = report["runs"]
    records = next(iter(runs.values()))["scores"]["samples"]
    lines = [
        "# The quality, measured",
        "",
        f"Made by `make quality` in {report['cpu_hours']:.1f} CPU hours; the raw figures: `quality.json`. SmolLM2-135M"
        " with LoRA in fp32, one pass over its records, greedy answers held to the record's grammar, scored on all"
        f" {records} validation notes (macro-F1 over canonical items with its 95 % bootstrap interval:"
        " [../metric.md](../metric.md)).",
        "",
        *table(
            (
                "trained on",
                "CPU min",
                "held-out loss",
                "macro-F1",
                "records exact",
                "JSON valid",
                "ended by itself",
                "unsupported items",
            ),
            [_run(name, one) for name, one in runs.items()],
        ),
        "",
        "## Field by field",
        "",
        "F1 of each run, in the order above.",
        "",
        *table(("field", *runs), _fields(runs)),
        "",
        "## Against the goals",
        "",
        *table(("goal at 2,000 records", "value", "bound", ""), _goals(runs["2,000 records"]["scores"])),
    ]
    return "\n".join(lines) + "\n"


def _run(name: str, one: Mapping[str, Any]) -> tuple[str, ...]:
    scores, interval = one["scores"], one["scores"]["macro_f1_interval"]
    minutes = one["training"]["cpu_seconds_per_sample"] * one["training"]["samples"] / 60 if "training" in one else 0
    return (
        name,
        f"{minutes:.0f}",
        f"{one['held_out_loss']:.3f}",
        f"{scores['macro_f1']:.3f} ({interval['low']:.3f} to {interval['high']:.3f})",
        *(f"{scores[rate]:.1%}" for rate in ("record_exact", "json_valid", "ended_by_itself", "ungrounded_rate")),
    )


def _fields(runs: Mapping[str, Any]) -> list[tuple[str, ...]]:
    fields = next(iter(runs.values()))["scores"]["fields"]
    return [(field, *(f"{one['scores']['fields'][field]['f1']:.3f}" for one in runs.values())) for field in fields]


def _goals(scores: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [
        (
            goal.replace("_", " "),
            f"{scores[goal]:.3f}",
            f">= {bound:g}",
            "met" if scores[goal] >= bound else "**missed**",
        )
        for goal, bound in GOALS.items()
    ]


def main() -> int:
    """Run what has not been run yet and write both files."""
    runs = results_of(requests(), jobs=2)
    report = {"cpu_hours": cpu_hours(runs), "runs": runs}
    write_page("quality", report, page(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
