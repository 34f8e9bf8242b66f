"""The pages of measured figures belong to what is committed beside them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

ROOT = Path(__file__).parents[2]
MEASURED = ROOT / "docs" / "measured"


def test_the_measured_gates_are_those_of_the_committed_dataset() -> None:
    manifest = (ROOT / "synthetic-instruction-tuning-dataset" / "manifest.json").read_bytes()
    report = json.loads((MEASURED / "dataset.json").read_text(encoding="utf-8"))
    assert report["manifest_sha256"] == hashlib.sha256(manifest).hexdigest(), "run make gates"
    assert all(gate["passes"] for gate in (*report["gates"], *report["hardness"]))


def test_the_page_says_what_the_raw_figures_say() -> None:
    page = (MEASURED / "dataset.md").read_text(encoding="utf-8")
    report = json.loads((MEASURED / "dataset.json").read_text(encoding="utf-8"))
    for gate in report["gates"]:
        assert f"| {gate['name']} | {gate['value']:.4g} |" in page
