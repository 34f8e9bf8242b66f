"""The model card of an archive: the real numbers of the run put into card.template.md. It must not import torch.

Numbers come from slm_core.scoreboard, which the run's report prints too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from string import Template
from typing import Any

import yaml
from slm_core import decisions, scoreboard
from slm_core.materials import material_rows
from slm_core.model_use import loading_code
from slm_core.records import Metrics, Provenance, RunSpec

from extraction.prompt import SYSTEM
from extraction.schema import INSTRUCTION

TEMPLATE_PATH = Path(__file__).with_name("card.template.md")
UNNAMED = "Unnamed dataset of clinical notes"
_SYNTHETIC = "It was trained and measured on synthetic notes alone."
_NOT_KNOWN_TO_BE_SYNTHETIC = "Its notes are not known to be synthetic; none of them is shown or kept here."
_REAL_ONES_DIFFER = (
    "The training notes are synthetic; real notes differ in vocabulary, layout and errors, and scores on them will be "
    "lower."
)
_OTHERS_DIFFER = "Notes by other authors differ in vocabulary, layout and errors, and scores on them will be lower."


def model_card(spec: RunSpec, metrics: Metrics, made_of: Provenance, adapter: Mapping[str, str]) -> str:
    """Return README.md: metadata, results, gate, use, limits, training, dataset, hashes and the licence's demands."""
    template = Template(TEMPLATE_PATH.read_text(encoding="utf-8"))
    return template.substitute(
        _identity(spec) | _results(spec, metrics) | _dataset(spec),
        metadata=yaml.safe_dump(_metadata(spec, metrics), sort_keys=False, allow_unicode=True).strip(),
        training_rows=_table(scoreboard.training_rows(spec, metrics.training)),
        material_rows=_table((name, f"`{value}`") for name, value in material_rows(made_of, adapter)),
    )


def _metadata(spec: RunSpec, metrics: Metrics) -> dict[str, Any]:
    base = spec.config.base_model
    return {
        "base_model": base.repo_id,
        "base_model_relation": "adapter",
        "library_name": "peft",
        "pipeline_tag": "text-generation",
        "license": base.licence,
        "language": "en",
        "tags": [
            "lora",
            "clinical-information-extraction",
            *(["synthetic-data"] if spec.dataset_is_synthetic else []),
        ],
        "metrics": ["f1"],
        "model-index": [{"name": spec.hub.publish_repo.rpartition("/")[2], "results": [_result(spec, metrics)]}],
    }


def _result(spec: RunSpec, metrics: Metrics) -> dict[str, Any]:
    """Return the scores in the form that the Hub shows."""
    return {
        "task": {"type": "text-generation", "name": "clinical information extraction"},
        "dataset": {
            "type": "clinical-notes",
            "name": _title(spec),
            "split": "validation",
            "revision": spec.dataset_sha256,
        },
        "metrics": [
            {"type": "f1", "name": f"F1, {row.name}", "value": float(row.after)}
            for row in scoreboard.field_rows(metrics)
        ],
    }


def _identity(spec: RunSpec) -> dict[str, str]:
    base = spec.config.base_model
    built_with = f"\n**{base.built_with}**, fine-tuned from {base.name}.\n" if base.built_with else ""
    return {
        "licence": base.licence,
        "base_name": base.name,
        "title": f"{base.name} for cancer information extraction",
        "attribution": built_with,
        "system_message": SYSTEM,
        "instruction": INSTRUCTION,
        "how_to_load": loading_code(spec),
        "max_new_tokens": str(spec.config.evaluation.max_new_tokens),
        "licence_notice": base.licence_notice,
        "measured_on": _SYNTHETIC if spec.dataset_is_synthetic else _NOT_KNOWN_TO_BE_SYNTHETIC,
        "notes_are": _REAL_ONES_DIFFER if spec.dataset_is_synthetic else _OTHERS_DIFFER,
    }


def _results(spec: RunSpec, metrics: Metrics) -> dict[str, str]:
    gate = scoreboard.gate_rows(decisions.assess(metrics, spec.config.gate))
    return {
        "measured_how": scoreboard.measured_how(metrics.after),
        "field_rows": _table(scoreboard.field_rows(metrics)),
        "measure_rows": _table(scoreboard.measure_rows(metrics)),
        "gate_rows": _table((row.name, row.reached, row.bound, row.verdict) for row in gate),
    }


def _dataset(spec: RunSpec) -> dict[str, str]:
    title = _title(spec)
    kind = (
        "its notes are synthetic by its own manifest" if spec.dataset_is_synthetic else "its owner says who may see it"
    )
    return {
        "dataset_title": title,
        "dataset_sha256": spec.dataset_sha256,
        "dataset_short": spec.dataset_sha256[:12],
        "dataset_citation": f"*{title}*, SHA-256 `{spec.dataset_sha256}`; {kind}. How it was made, its conventions and "
        "its limits are told by the dataset card, the `README.md` beside its files.",
    }


def _title(spec: RunSpec) -> str:
    return " ".join((spec.dataset_title or UNNAMED).split())


def _table(rows: Iterable[Iterable[str]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)
