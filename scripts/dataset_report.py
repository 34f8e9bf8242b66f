"""Writes docs/measured/dataset.{json,md}: the committed dataset's quality gates, and what cheap baselines make of it.

python -m scripts.dataset_report; `make gates` runs it. Exit 1 when a gate fails; the pages are written all the same.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.tables import table

ROOT = Path(__file__).parents[1]
DATASET = ROOT / "synthetic-instruction-tuning-dataset"
COMMAND = Path(sys.executable).with_name("fine-tune-slm")
MEASURED = ROOT / "docs" / "measured"


def measured(*command: str) -> Any:
    """Return what a command prints as JSON; exit code 1 only says that a bound was not kept."""
    ran = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=False)
    if ran.returncode not in {0, 1}:
        raise SystemExit(ran.returncode)
    return json.loads(ran.stdout)


def page(report: Mapping[str, Any]) -> str:
    """Return the figures as a page of tables."""
    lines = [
        "# The dataset, measured",
        "",
        f"Made by `make gates` for the files with manifest `{report['manifest_sha256'][:12]}`;"
        " the raw figures: `dataset.json`. What the gates mean: [../dataset.md](../dataset.md).",
        "",
        *table(("gate", "value", "bound", ""), [_gate(gate) for gate in report["gates"]]),
        "",
        "Of {items:,} label items {items_without_support:,} have no support in their note by the metric's grounding"
        " rules: they are inferences that those rules do not know.".format_map(report["check"]),
        "",
        "## Hardness: what needs no language model",
        "",
        "Macro-F1 on the validation notes. A baseline above its bound would mean that the notes are too easy.",
        "",
        *table(("baseline", "macro-F1", "bound", ""), [_gate(_as_gate(one)) for one in report["hardness"]]),
    ]
    return "\n".join(lines) + "\n"


def _without_support() -> dict[str, int]:
    """Return how many label items there are, and how many the metric's grounding finds nothing for in their note."""
    files = measured(str(COMMAND), "dataset", "check", str(DATASET), "--json")["files"].values()
    return {name: sum(one[name] for one in files) for name in ("records", "items", "items_without_support")}


def _gate(gate: Mapping[str, Any]) -> tuple[str, ...]:
    sign = ">=" if gate.get("is_minimum") else "<="
    return gate["name"], f"{gate['value']:.4g}", f"{sign} {gate['bound']:g}", "pass" if gate["passes"] else "**FAIL**"


def _as_gate(baseline: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": baseline["baseline"], "value": baseline["macro_f1"], **baseline}


def main() -> int:
    """Measure, write both files, and return 1 when a bound is not kept."""
    report = {
        "manifest_sha256": hashlib.sha256((DATASET / "manifest.json").read_bytes()).hexdigest(),
        "gates": measured(str(COMMAND), "dataset", "gates", "--json"),
        "check": _without_support(),
        "hardness": measured(sys.executable, "-m", "scripts.dataset_hardness", "--json"),
    }
    MEASURED.mkdir(parents=True, exist_ok=True)
    (MEASURED / "dataset.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    (MEASURED / "dataset.md").write_text(page(report), encoding="utf-8")
    print(page(report))
    return 0 if all(gate["passes"] for gate in (*report["gates"], *report["hardness"])) else 1


if __name__ == "__main__":
    sys.exit(main())
