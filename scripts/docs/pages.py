"""The pages with generated blocks, and what makes the blocks; all around them is written by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from scripts.docs import configuration, errors, workflow

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES: dict[Path, Callable[[], dict[str, str]]] = {
    DOCS / "configuration.md": configuration.blocks,
    DOCS / "errors.md": errors.blocks,
    DOCS / "architecture.md": workflow.blocks,
    ROOT / "README.md": lambda: {"overview": workflow.overview(workflow.load_states())},
}


def filled(page: Path, blocks: Mapping[str, str]) -> str:
    """Return the text of a page with its generated blocks made anew.

    Raises: ValueError when the page lacks a block.
    """
    text = page.read_text(encoding="utf-8")
    for name, block in blocks.items():
        start, end = f"<!-- {name}: make docs -->\n", f"<!-- end of {name} -->"
        if start not in text or end not in text:
            raise ValueError(f"{page.name} has no block {name}")
        before, _, rest = text.partition(start)
        text = f"{before}{start}{block}{end}{rest.partition(end)[2]}"
    return text
