"""The pages of measured figures belong to what is committed beside them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from scripts import faults_report
from scripts.bench.arithmetic import is_above_floor
from scripts.bench.page import page

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


def test_the_bench_page_is_the_rendering_of_its_figures() -> None:
    measured = [path for path in (MEASURED / "bench.json", MEASURED / "bench.md") if path.exists()]
    reports = [json.loads(path.read_text(encoding="utf-8")) for path in measured if path.suffix == ".json"]

    # before the first edition there is neither; one without the other, or another page, would be a mistake
    assert [path.name for path in measured] in ([], ["bench.json", "bench.md"])
    for report in reports:
        assert (MEASURED / "bench.md").read_text(encoding="utf-8") == page(report), "run make bench"
        assert is_above_floor(report)


def test_the_page_of_the_fault_campaign_is_made_of_the_figures_beside_it() -> None:
    campaign, mutants = MEASURED / "faults.json", MEASURED / "mutants.json"
    if not campaign.exists():
        assert not (MEASURED / "faults.md").exists(), "a page without figures: run make faults"
        return
    rendered = faults_report.page(json.loads(campaign.read_text()), json.loads(mutants.read_text()))
    assert (MEASURED / "faults.md").read_text(encoding="utf-8") == rendered


def test_a_fault_campaign_that_was_not_played_to_the_end_says_so() -> None:
    tier = {"tier": "single faults", "not_played": 7, "played_in_an_earlier_sitting": 3, "minutes_until_stopped": {}}
    tier |= dict.fromkeys(("schedules", "faults_injected", "checks", "violations"), 0)
    tier |= {"injected_by_kind": {}, "checked_by_promise": {}}
    campaign = {"seed": 1, "seconds": 60.0, "processes": 2, "tiers": [tier], "layers": {}}
    page = faults_report.page(campaign, {"mutants": []})
    assert "**7 schedules of single faults were not played.**" in page
    assert "3 of the schedules were played in an earlier sitting" in page
