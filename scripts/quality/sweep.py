"""Which hyperparameters matter on the laptop, tried one at a time around the configuration: `make sweep`.

Measured on a slice of train held back for it, never on validation. Writes docs/measured/sweep.{json,md}.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from typing import Any

from scripts.quality.trials import HELD_BACK_RECORDS, Request, cpu_hours, results_of, write_page
from scripts.tables import table

RECORDS = 48
# what all are compared with, written out so that a change of the configuration does not move the comparison
CENTRE: dict[str, Any] = {
    "epochs": 1, "learning_rate": 1.5e-3, "batch_size": 2, "lora_rank": 16, "lora_alpha": 32,
    "target_modules": "all-linear", "decay_fraction": 0.7, "weight_decay": 0.0, "adam_beta2": 0.98, "seed": 42,
}  # fmt: skip
FEW, MORE = 128, 384
BATCH_1, BATCH_4 = {"batch_size": 1}, {"batch_size": 4}
TWICE_THE_RATE = {"learning_rate": 3e-3}
CHANGES: dict[int, dict[str, dict[str, Any]]] = {
    FEW: {
        "centre": {},
        "another seed": {"seed": 43},
        "half the learning rate": {"learning_rate": 7.5e-4},
        "twice the learning rate": TWICE_THE_RATE,
        "batch 1": BATCH_1,
        "batch 4": BATCH_4,
        "rank 4": {"lora_rank": 4, "lora_alpha": 8},
        "attention only": {"target_modules": ["q_proj", "k_proj", "v_proj", "o_proj"]},
        "half the samples, twice": {"samples": FEW // 2, "epochs": 2},
        "decay over the last 30 %": {"decay_fraction": 0.3},
        "a third seed": {"seed": 44},
        "batch 4, twice the learning rate": BATCH_4 | TWICE_THE_RATE,
        "rank 64": {"lora_rank": 64, "lora_alpha": 128},
    },
    MORE: {
        "centre": {},
        "twice the learning rate": TWICE_THE_RATE,
        "batch 1": BATCH_1,
        "batch 4": BATCH_4,
        "half the samples, twice": {"samples": MORE // 2, "epochs": 2},
    },
}


def requests() -> dict[str, Request]:
    """Return the sweep's trials by name."""
    return {
        f"{samples} samples: {name}": Request(overrides=CENTRE | {"samples": samples} | changes, records=RECORDS)
        for samples, trials in CHANGES.items()
        for name, changes in trials.items()
    }


def page(report: Mapping[str, Any]) -> str:
    """Return the sweep as a page."""
    lines = [
        "# The sweep, measured",
        "",
        f"Made by `make sweep` in {report['cpu_hours']:.1f} CPU hours; the raw figures: `sweep.json`. Each line"
        f" changes one thing of the first of its table. The loss (nats per answer token) is that on {RECORDS} of"
        f" {HELD_BACK_RECORDS} records of train on which no trial trains. Lines closer to each other than the"
        " seeds are not different.",
    ]
    for samples, trials in CHANGES.items():
        found = {name: report["trials"][f"{samples} samples: {name}"] for name in trials}
        lines += ["", f"## {samples} samples", "", *table(HEADER, _rows(found))]
    return "\n".join(lines) + "\n"


HEADER = ("trial", "held-out loss", "against the first", "CPU s per sample")


def _rows(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    centre = found["centre"]["held_out_loss"]
    return [
        (
            name,
            f"{one['held_out_loss']:.4f}",
            f"{one['held_out_loss'] - centre:+.4f}",
            f"{one['training']['cpu_seconds_per_sample']:.2f}",
        )
        for name, one in found.items()
    ]


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
