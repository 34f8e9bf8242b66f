"""Holds that what the documents draw, link and list is there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")})


def test_the_file_map_lists_what_exists() -> None:
    listed = re.findall(r"^\| (`[^|]+`) \|", README.split("## Where things are")[1], flags=re.MULTILINE)
    paths = [path for cell in listed for path in re.findall(r"`([^`]+)`", cell)]

    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []


def test_every_decision_is_in_the_list_of_decisions() -> None:
    pages = {page.name for page in (ROOT / "docs" / "decisions").glob("0*.md")}
    listed = set(
        re.findall(r"\((0[^)]+\.md)\)", (ROOT / "docs" / "decisions" / "README.md").read_text(encoding="utf-8"))
    )

    assert listed == pages


def test_every_make_target_that_a_document_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, flags=re.MULTILINE))
    named = {
        name
        for page in PAGES
        for name in re.findall(r"(?:`|^ {4})make ([a-z]+)", page.read_text(encoding="utf-8"), re.M)
    }

    assert {"demo", "test"} <= named
    assert named - targets == set()
