"""Writes report.html of a run: one file that needs no network, verdict first, readable in light, dark and on paper."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from slm_core.records import Manifest, Metrics, RunRecord

from extraction.schema import FIELDS
from fine_tune_slm import wording
from fine_tune_slm.charts import Point, curve, state_bars
from fine_tune_slm.failure_card import FailureCard
from fine_tune_slm.timeline import Timeline

TEMPLATES = Path(__file__).with_name("templates")
HISTORY_NAME = "history.jsonl"


@dataclass(frozen=True)
class ReportFacts:
    """Everything that a report tells."""

    run_id: str
    timeline: Timeline
    record: RunRecord | None
    manifest: Manifest | None
    card: FailureCard | None
    losses: tuple[Point, ...]
    is_emulated: bool = True

    @property
    def metrics(self) -> Metrics | None:
        """Return the run's scores, when it got that far."""
        return self.record.metrics if self.record else None


def write_report(facts: ReportFacts, path: Path) -> None:
    """Write the report of a run."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined)
    environment.filters |= {
        "duration": wording.duration,
        "percent": wording.percent,
        "score": wording.score,
        "interval": wording.interval,
        "dollars": wording.dollars,
    }
    page = environment.get_template("report.html.j2").render(
        facts=facts,
        fields=FIELDS,
        loss_curve=curve(facts.losses, "step", "loss"),
        state_bars=state_bars(facts.timeline),
        cost=cost_sentence(facts.record, is_emulated=facts.is_emulated),
        materials=bill_of_materials(facts.manifest),
    )
    path.write_text(page, encoding="utf-8")


def read_losses(archive: Path | None) -> tuple[Point, ...]:
    """Return the training loss by step out of an archive's history.jsonl; none without an archive."""
    path = archive / HISTORY_NAME if archive else None
    if path is None or not path.is_file():
        return ()
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line]
    return tuple(Point(line["step"], line["loss"]) for line in lines if "step" in line and "loss" in line)


def cost_sentence(record: RunRecord | None, *, is_emulated: bool) -> str:
    """Return what the run cost; for a rehearsal, what the emulated instance's time would have cost."""
    if record is None or record.cost_usd is None or record.instance is None:
        return "No instance time was recorded."
    kind = record.instance.instance_type or "instance"
    time = f"{wording.duration(record.billed_seconds)} of {kind}"
    if is_emulated:
        price = wording.dollars(record.cost_usd)
        return f"Emulated: nothing was billed. {time} at list price would have cost about {price}."
    return f"{time}: about {wording.dollars(record.cost_usd)} at list price, storage not included."


def bill_of_materials(manifest: Manifest | None) -> list[tuple[str, str]]:
    """Return what the adapter was made of, as (name, value)."""
    if manifest is None:
        return []
    made_of = manifest.provenance
    adapter = [(file.path, file.sha256) for file in manifest.files if file.path.endswith(".safetensors")]
    return [
        ("git commit", made_of.git_commit),
        ("configuration SHA-256", made_of.config_sha256),
        ("dataset SHA-256", made_of.dataset_sha256),
        ("base model", f"{made_of.base_model.repo_id} at {made_of.base_model.revision}"),
        *((f"base model file {name}", sha256) for name, sha256 in sorted(made_of.base_model_files.items())),
        *((f"adapter file {name}", sha256) for name, sha256 in adapter),
        ("image", made_of.image),
        ("seed", str(made_of.seed)),
        *((f"{name} version", version) for name, version in sorted(made_of.versions.items())),
    ]
