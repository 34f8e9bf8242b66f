"""`python -m scripts.bench`: train and generate side by side; writes bench.json and bench.md; exit 1 below the floor.

`make bench` runs it, and on two quiet cores it takes about a quarter of an hour.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from slm_core.training_config import load_training_config

from scripts.bench.arithmetic import is_above_floor
from scripts.bench.machine import machine
from scripts.bench.page import page
from scripts.bench.plan import CONFIG, LOCAL_MODEL, LOSS_NOTES, ROOT, SAMPLES_PER_STEP, Plan
from scripts.bench.processes import WorkerDiedError
from scripts.bench.race import Progress, generate, train

MEASURED = ROOT / "docs" / "measured"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the bench, write its pages and return the exit code."""
    options = _parser().parse_args(arguments)
    if not (options.model / "COMPLETE").exists():
        subprocess.run([sys.executable, "-m", "training", "build-local-model", "--output", options.model], check=True)
    with tempfile.TemporaryDirectory(prefix="fine-tune-slm-bench-") as directory:
        plan = _plan(options, directory)
        try:
            report = measured(plan)
        except WorkerDiedError as error:
            sys.stderr.write(f"{error}\n")
            return 2
    write(report, options.output)
    print(page(report))
    return 0 if is_above_floor(report) else 1


def measured(plan: Plan) -> dict[str, Any]:
    """Return the raw figures of a whole run."""
    began = time.monotonic()
    plan_file = plan.write()
    progress = Progress(plan)
    training = train(plan, plan_file, progress)
    generation = generate(plan, plan_file, progress)
    options = load_training_config(CONFIG).training
    return {
        "machine": machine(),
        "model": Path(plan.model).name,
        "plan": {name: value for name, value in asdict(plan).items() if name not in {"model", "work_directory"}},
        "samples_per_step": SAMPLES_PER_STEP,
        "held_out_notes": LOSS_NOTES,
        "lora_rank": options.lora_rank,
        "learning_rate": options.learning_rate,
        **training,
        "generation": generation,
        "seconds": time.monotonic() - began,
    }


def write(report: Mapping[str, Any], directory: Path) -> None:
    """Write the raw figures and their page."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "bench.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (directory / "bench.md").write_text(page(report), encoding="utf-8")


def _plan(options: argparse.Namespace, work_directory: str) -> Plan:
    return Plan(
        model=str(options.model.resolve()),
        work_directory=work_directory,
        rounds=options.rounds,
        steps_per_round=options.steps,
        held_out_notes=max(LOSS_NOTES, options.chunks * options.notes),
        further_samples=options.further,
        generation_chunks=options.chunks,
        notes_per_chunk=options.notes,
        max_new_tokens=options.max_new_tokens,
        seed=options.seed,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m scripts.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="turns of each contender (default: 3)")
    parser.add_argument("--steps", type=int, default=3, metavar="N", help="optimiser steps in a round (default: 3)")
    parser.add_argument("--further", type=int, default=92, metavar="N", help="notes before the generation (92)")
    parser.add_argument("--chunks", type=int, default=2, metavar="N", help="turns of each generation; 0: none (2)")
    parser.add_argument("--notes", type=int, default=24, metavar="N", help="notes in a chunk (default: 24)")
    parser.add_argument("--max-new-tokens", type=int, default=200, metavar="N", help="bound of an answer (200)")
    parser.add_argument("--seed", type=int, default=42, metavar="N", help="draws notes and adapter (default: 42)")
    parser.add_argument("--model", type=Path, default=LOCAL_MODEL, metavar="DIR", help="built there when missing")
    parser.add_argument("--output", type=Path, default=MEASURED, metavar="DIR", help="where the two files go")
    return parser


if __name__ == "__main__":
    sys.exit(main())
