"""Follows docs/quickstart.md literally in a fresh directory, as somebody with nothing but the repository's address.

python3 -m scripts.docs.newcomer [--pictures DIRECTORY]

It takes as long as the page says, and leaves nothing behind. Standard library only: see runnable.py.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import tempfile
import time
from pathlib import Path

from scripts.docs.runnable import Terminal, blocks

ROOT = Path(__file__).parents[2]
QUICKSTART = ROOT / "docs" / "quickstart.md"
FIELDS = 7


def main() -> None:
    """Run every block of the page, and look at what the page says would be there."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pictures", type=Path, help="make the documents' pictures of the newcomer's run there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="newcomer-") as directory:
        checkout = Path(directory) / "fine-tune-slm"
        follow(QUICKSTART, Path(directory))
        look(checkout)
        if given.pictures:
            picture(checkout, given.pictures.resolve())


def follow(page: Path, directory: Path) -> None:
    """Type what stands in the page."""
    terminal = Terminal(directory, {"REPOSITORY": str(ROOT)})
    for block in blocks(page):
        print(f"\n--- {block}\n{block.commands}", flush=True)
        start = time.monotonic()
        if block.mark.endswith("until Ctrl-C"):
            terminal.type_until_ctrl_c(block.commands)
        else:
            terminal.type(block.commands)
        print(f"--- {time.monotonic() - start:.0f} s", flush=True)


def look(checkout: Path) -> None:
    """See what the page promises.

    Raises: ValueError naming what is missing.
    """
    record = json.loads((checkout / "record.json").read_text(encoding="utf-8"))
    valued = sum(map(bool, record.values()))
    if len(record) != FIELDS or not valued:
        raise ValueError(f"record.json has {len(record)} fields, {valued} of them with a value")
    if not list(checkout.glob(".local/runs/*/report.html")):
        raise ValueError("there is no report.html below .local/runs")
    print("Everything that the page promises is there.")


def picture(checkout: Path, directory: Path) -> None:
    """Make the documents' pictures of the run that the newcomer made.

    Raises: CalledProcessError when that fails.
    """
    python = checkout / ".venv" / "bin" / "python"
    subprocess.run([python, "-m", "scripts.pictures", "--output", directory], cwd=checkout, check=True)


if __name__ == "__main__":
    main()
