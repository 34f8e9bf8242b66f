"""Which hyperparameters matter on the laptop, tried one at a time around the configuration: `make sweep`.

Measured on a slice of train held back for it, never on validation. Writes docs/measured/sweep.{json,md}.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from scripts.quality.trials import HELD_BACK_RECORDS, Request, cpu_hours, results_of, write_page

SAMPLES = 128
RECORDS = 48
# what all are compared with, written out so that a change of the configuration does not move the comparison
CENTRE: dict[str, Any] = {
    "samples": SAMPLES, "epochs": 1, "learning_rate": 1.5e-3, "batch_size": 2, "lora_rank": 16, "lora_alpha": 32,
    "target_modules": "all-linear", "decay_fraction": 0.7, "weight_decay": 0.0, "adam_beta2": 0.98, "seed": 42,
}  # fmt: skip
CHANGES: dict[str, dict[str, Any]] = {
    "centre": {},
    "another seed": {"seed": 43},
    "half the learning rate": {"learning_rate": 7.5e-4},
    "twice the learning rate": {"learning_rate": 3e-3},
    "batch 4": {"batch_size": 4},
    "rank 4": {"lora_rank": 4, "lora_alpha": 8},
    "attention only": {"target_modules": ["q_proj", "k_proj", "v_proj", "o_proj"]},
    "half the samples, twice": {"samples": SAMPLES // 2, "epochs": 2},
    "decay over the last 30 %": {"decay_fraction": 0.3},
    "a third seed": {"seed": 44},
    "batch 4, twice the learning rate": {"batch_size": 4, "learning_rate": 3e-3},
    "rank 64": {"lora_rank": 64, "lora_alpha": 128},
}


def requests() -> dict[str, Request]:
    """Return the sweep's trials by name."""
    return {name: Request(overrides=CENTRE | changes, records=RECORDS) for name, changes in CHANGES.items()}


def page(report: Mapping[str, Any]) -> str:
    """Return the sweep as a page."""
    centre = report["trials"]["centre"]["held_out_loss"]
    lines = [
        "# The sweep, measured",
        "",
        f"Made by `make sweep` in {report['cpu_hours']:.1f} CPU hours; the raw figures: `sweep.json`. Each line"
        f" changes one thing of the first. {SAMPLES} samples; the loss (nats per answer token) is that on {RECORDS} of"
        f" {HELD_BACK_RECORDS} records of train on which no trial trains. Lines closer to each other than the three"
        " seeds are not different.",
        "",
        "| trial | held-out loss | against the first | CPU s per sample |",
        "|---|---|---|---|",
    ]
    for name, one in sorted(report["trials"].items(), key=lambda item: item[0] != "centre"):
        loss = one["held_out_loss"]
        lines.append(
            f"| {name} | {loss:.4f} | {loss - centre:+.4f} | {one['training']['cpu_seconds_per_sample']:.2f} |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run what has not been run yet and write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="trials at a time (default: 2)")
    trials = results_of(requests(), parser.parse_args().jobs)
    report = {"centre": CENTRE, "cpu_hours": cpu_hours(trials), "trials": trials}
    write_page("sweep", report, page(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
