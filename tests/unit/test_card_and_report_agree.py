"""The model card and the report of one run print the same numbers, cell by cell."""

from __future__ import annotations

import html
import re

import pytest
from slm_core.layout import MANIFEST_NAME
from slm_core.records import Manifest

from fine_tune_slm.closing import ended_run, write_run_report
from tests.made_up_runs import MadeUpRun, keep, spec_of
from training.card import model_card

TABLES = {
    "field": "F1 by field",
    "measure": "Whole answers",
    "score": "What a model must reach to be published",
}
RUNS = {
    "succeeded": MadeUpRun(),
    "rejected": MadeUpRun(run_id="rejected", status="rejected"),
    "unmeasured before": MadeUpRun(run_id="unmeasured", is_measured_before=False),
}


def card_tables(card: str) -> dict[str, list[list[str]]]:
    """Return the card's tables by their first heading; the headless ones are joined under an empty one."""
    tables: dict[str, list[list[str]]] = {}
    for block in re.findall(r"(?:^\|.*\n)+", card, flags=re.MULTILINE):
        heading, _rule, *rows = [[cell.strip(" `") for cell in line[1:-1].split("|")] for line in block.splitlines()]
        tables.setdefault(heading[0], []).extend(rows)
    return tables


def report_table(page: str, caption: str) -> list[list[str]]:
    """Return the rows of the report's table with this caption."""
    body = page.split(f"<caption>{caption}</caption>")[1].split("</table>", maxsplit=1)[0].split("<tbody>")[1]
    cells = (re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, flags=re.DOTALL) for row in body.split("</tr>"))
    return [[html.unescape(cell) for cell in row] for row in cells if row]


@pytest.fixture(scope="module", params=RUNS.values(), ids=RUNS.keys())
def told(request, tmp_path_factory):
    """The card and the report of one run."""
    kept = keep(tmp_path_factory.mktemp("local"), request.param)
    result = ended_run(kept)
    manifest = Manifest.model_validate_json((kept.archive() / MANIFEST_NAME).read_bytes())
    adapter = {file.path: file.sha256 for file in manifest.files if file.path.endswith(".safetensors")}
    card = model_card(spec_of(request.param), result.record.metrics, manifest.provenance, adapter)
    return card, write_run_report(result).read_text(encoding="utf-8")


@pytest.mark.parametrize(("heading", "caption"), TABLES.items(), ids=TABLES)
def test_scores_and_gate_are_the_same(told, heading, caption):
    card, page = told
    rows = card_tables(card)[heading]
    assert len(rows) >= 5
    assert report_table(page, caption) == rows


@pytest.mark.parametrize("caption", ["How the adapter was trained", "What the model was made of"])
def test_training_and_materials_are_the_same(told, caption):
    card, page = told
    rows = report_table(page, caption)
    assert len(rows) > 5
    assert all(row in card_tables(card)[""] for row in rows)
