"""Every link between the documents leads to a page, and to a heading of it, that exist."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    {*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("synthetic-instruction-tuning-dataset/*.md")}
)
LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)(?:#([^)]*))?\)")
CODE = re.compile(r"^```.*?^```$|^ {4}.*?$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def broken(page: Path) -> Iterator[str]:
    """Yield what is wrong with the links of a page."""
    text = CODE.sub("", page.read_text(encoding="utf-8"))
    for path, anchor in LINK.findall(text):
        target = page.parent / path if path else page
        if not target.exists():
            yield f"{path}: there is no such file"
        elif anchor and anchor not in anchors(target):
            yield f"{path}#{anchor}: there is no such heading"


def anchors(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to a page's headings."""
    found: set[str] = set()
    for heading in HEADING.findall(FENCE.sub("", page.read_text(encoding="utf-8"))):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        anchor = re.sub(r"[^\w -]", "", plain.strip().lower()).replace(" ", "-")
        repeated = (f"{anchor}-{count}" for count in range(1, len(found) + 1))
        found.add(anchor if anchor not in found else next(one for one in repeated if one not in found))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: os.fspath(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    assert list(broken(page)) == []


def test_a_link_to_a_file_or_a_heading_that_is_gone_is_found(tmp_path: Path) -> None:
    (tmp_path / "other.md").write_text(
        "# Other\n\n## It's `here`, twice\n\n## Its here twice\n\n```\n# no heading\n```\n"
    )
    page = tmp_path / "page.md"
    page.write_text(
        "[a](gone.md) [b](other.md#gone) [c](other.md#no-heading) [d](#gone)\n"
        "[e](other.md) [f](other.md#its-here-twice) [g](other.md#its-here-twice-1) [h](https://example.org/#x)\n"
        "`[i](in-code.md)`\n"
    )

    assert [line.split(":")[0] for line in broken(page)] == ["gone.md", "other.md#gone", "other.md#no-heading", "#gone"]


def test_every_page_of_docs_can_be_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        waiting += [page.parent / path for path, _ in LINK.findall(page.read_text(encoding="utf-8")) if path]

    assert [page.name for page in ROOT.glob("docs/**/*.md") if page.resolve() not in reached] == []
