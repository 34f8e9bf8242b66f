"""`python -m scripts.dataset_hardness [DIRECTORY] [--json]`: baselines and bounds; exit 1 if one is too good."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

from extraction.schema import FIELDS
from scripts.dataset_hardness.linear import linear
from scripts.dataset_hardness.measure import Baseline, Verdict, judge, read
from scripts.dataset_hardness.nearest import nearest_neighbour
from scripts.dataset_hardness.rules import rules

DATASET = Path(__file__).resolve().parents[2] / "synthetic-instruction-tuning-dataset"
BASELINES: tuple[tuple[str, Baseline, float], ...] = (
    ("nearest neighbour", nearest_neighbour, 0.65),
    ("linear", linear, 0.85),
    ("rules", rules, 0.88),
)


def verdicts(directory: Path) -> list[Verdict]:
    """Return the verdict on every baseline, each trained on train.jsonl and asked about validation.jsonl."""
    train, validation = read(directory / "train.jsonl"), read(directory / "validation.jsonl")
    golds, notes = [labelled.items for labelled in validation], [labelled.note for labelled in validation]
    found = []
    for name, baseline, bound in BASELINES:
        started = perf_counter()
        found.append(judge(name, bound, golds, baseline(train, notes)))
        sys.stderr.write(f"{name}: {perf_counter() - started:.0f} s\n")
    return found


def table(found: Sequence[Verdict]) -> str:
    """Return the verdicts as a table for the terminal."""
    head = f"{'baseline':18} {'macro-F1':>8} {'bound':>6}  {'':4} {'exact':>6}  " + " ".join(
        f"{f[:9]:>9}" for f in FIELDS
    )
    rows = [
        f"{verdict.baseline:18} {verdict.macro_f1:8.3f} {verdict.bound:6.2f}  "
        f"{'pass' if verdict.passes else 'FAIL':4} {verdict.records_exact:6.3f}  "
        + " ".join(f"{verdict.by_field[field]:9.3f}" for field in FIELDS)
        for verdict in found
    ]
    return "\n".join([head, *rows])


def as_json(found: Sequence[Verdict]) -> str:
    """Return the verdicts as JSON."""
    return json.dumps(
        [
            {
                "baseline": verdict.baseline,
                "macro_f1": round(verdict.macro_f1, 4),
                "bound": verdict.bound,
                "passes": verdict.passes,
                "records_exact": round(verdict.records_exact, 4),
                "by_field": {field: round(score, 4) for field, score in verdict.by_field.items()},
            }
            for verdict in found
        ],
        indent=2,
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the verdicts on a dataset; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.dataset_hardness", description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, default=DATASET, help="where train and validation lie")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    found = verdicts(options.directory)
    print(as_json(found) if options.json else table(found))
    return 0 if all(verdict.passes for verdict in found) else 1


if __name__ == "__main__":
    sys.exit(main())
