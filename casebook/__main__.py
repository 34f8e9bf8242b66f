"""`python -m casebook generate|gates`: writes the dataset, or measures its quality gates, from the command line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from casebook.gates import EmptySplitError, measure
from casebook.generate import DEFAULT_SEED, Counts, Progress, generate, write_notes


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    options = _parser().parse_args(arguments)
    return _generate(options) if options.command == "generate" else _gates(options)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m casebook", description="Write or measure the synthetic dataset.")
    commands = parser.add_subparsers(dest="command", required=True)
    generating = commands.add_parser("generate", help="write train, validation and challenge files with their manifest")
    generating.add_argument("--output", type=Path, required=True, help="directory to write to; it is created")
    generating.add_argument("--provenance", action="store_true", help="also write where each label stands in its note")
    gates = commands.add_parser("gates", help="measure the quality gates; exit 1 when one fails")
    for command in (generating, gates):
        command.add_argument("--seed", type=int, default=DEFAULT_SEED)
        for split, count in (("train", 4500), ("validation", 500), ("challenge", 400)):
            command.add_argument(f"--{split}", type=int, default=count, help=f"records in {split}.jsonl")
    return parser


def _generate(options: argparse.Namespace) -> int:
    manifest = generate(
        options.output,
        seed=options.seed,
        train=options.train,
        validation=options.validation,
        challenge=options.challenge,
        provenance=options.provenance,
        progress=_progress(),
    )
    for name, entry in manifest.files.items():
        print(f"{entry.sha256}  {name}  {entry.records} records")
    return 0


def _gates(options: argparse.Namespace) -> int:
    counts = Counts(options.train, options.validation, options.challenge)
    try:
        gates = measure(write_notes(options.seed, counts, _progress()))
    except EmptySplitError as error:
        print(f"{error}.", file=sys.stderr)
        return 2
    for gate in gates:
        sign = ">=" if gate.is_minimum else "<="
        print(f"{'pass' if gate.passes else 'FAIL'}  {gate.value:10.4g} {sign} {gate.bound:<6g} {gate.name}")
    return 0 if all(gate.passes for gate in gates) else 1


def _progress() -> Progress | None:
    return _show if sys.stderr.isatty() else None


def _show(done: int, total: int) -> None:
    if done % 50 == 0 or done == total:
        print(f"\r{done} of {total} notes", end="\n" if done == total else "", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
