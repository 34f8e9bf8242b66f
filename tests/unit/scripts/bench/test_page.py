"""The page says what the raw figures say, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

from scripts.bench.__main__ import write
from scripts.bench.page import page
from tests.unit.scripts.bench.report import contender, report


def _lines(figures: dict) -> list[str]:
    return page(figures).splitlines()


def test_a_contender_has_its_row() -> None:
    row = next(line for line in _lines(report()) if line.startswith("| **this project** | 0.40"))

    assert row.split(" | ")[1:4] == ["0.40", "5.00", "2.10 (2.00 to 2.20)"]
    assert row.split(" | ")[4] == "2,048"
    assert row.endswith("| 0.0% | 0.450 |")


def test_padding_of_the_usual_recipe_is_shown() -> None:
    assert next(line for line in _lines(report()) if "the usual recipe: padded" in line).endswith("| 20.0% | 0.500 |")


def test_every_round_is_shown_by_token() -> None:
    assert "| 2 | 44.00 | 30.00 | 32.40 | 20.00 |" in _lines(report())


def test_the_machine_and_the_versions_are_told() -> None:
    assert "on 2026-01-02 in 10.0 minutes on A processor, 2 cores; Python 3.11.0, torch 1.0, trl 2.0" in page(report())


def test_equal_answers_are_counted() -> None:
    text = page(report())

    assert "2.20 (2.00 to 2.40) times fewer CPU seconds" in text
    assert "16 of 16 answers are equal token for token; 15 of 16 ended by themselves within 200 tokens." in text


def test_a_goal_says_whether_it_is_met() -> None:
    lines = _lines(report())

    assert "| CPU seconds per sample, usual recipe / ours | >= 2 | 2.1 | met |" in lines
    assert any(line.startswith("| share of the GEMM rate") and line.endswith("| **missed** |") for line in lines)


def test_a_missed_floor_is_told_apart_from_a_missed_goal() -> None:
    lines = _lines(report(ours=contender((24.0, 24.0), 0.45)))

    assert sum(line.endswith("| **BELOW THE FLOOR** |") for line in lines) == 1


def test_a_run_without_generation_has_no_such_section() -> None:
    assert "## Generation" not in page(report() | {"generation": None})


def test_the_written_page_follows_from_the_written_figures(tmp_path: Path) -> None:
    write(report(), tmp_path)

    figures = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    assert (tmp_path / "bench.md").read_text(encoding="utf-8") == page(figures)
