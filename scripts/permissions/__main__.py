"""Writes docs/measured/permissions.md; `make permissions` runs it after the scenarios."""

from __future__ import annotations

import json
from pathlib import Path

from scripts.permissions.evidence import Row, read_elsewhere
from scripts.permissions.page import page

MEASURED = Path(__file__).parents[2] / "docs" / "measured"


def read_rows(path: Path) -> list[Row]:
    """Return the rows that the scenarios wrote."""
    found = json.loads(path.read_text(encoding="utf-8"))
    return [Row(**{**row, "scenarios": tuple(row["scenarios"])}) for row in found]


def main() -> None:
    """Render the page beside its figures."""
    (MEASURED / "permissions.md").write_text(
        page(read_rows(MEASURED / "permissions.json"), read_elsewhere()), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
