"""`python -m casebook generate --output DIR`: writes the dataset from the command line."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from casebook.generate import DEFAULT_SEED, generate


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m casebook", description="Write the synthetic dataset.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("generate", help="write train, validation and challenge files with their manifest")
    command.add_argument("--output", type=Path, required=True, help="directory to write to; it is created")
    command.add_argument("--seed", type=int, default=DEFAULT_SEED)
    for split, count in (("train", 4500), ("validation", 500), ("challenge", 400)):
        command.add_argument(f"--{split}", type=int, default=count, help=f"records in {split}.jsonl")
    command.add_argument("--provenance", action="store_true", help="also write where each label stands in its note")
    options = parser.parse_args(arguments)
    manifest = generate(
        options.output,
        seed=options.seed,
        train=options.train,
        validation=options.validation,
        challenge=options.challenge,
        provenance=options.provenance,
        progress=_show if sys.stderr.isatty() else None,
    )
    for name, entry in manifest.files.items():
        print(f"{entry.sha256}  {name}  {entry.records} records")
    return 0


def _show(done: int, total: int) -> None:
    if done % 50 == 0 or done == total:
        print(f"\r{done} of {total} notes", end="\n" if done == total else "", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
