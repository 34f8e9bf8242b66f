"""Writes the archive of a run: adapter, tokenizer, numbers, pictures, model card, and the manifest that names them all.

No clinical text goes into any of them, except synthetic notes into examples.json: docs/decisions/0029.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from platform import python_version

from peft import PeftModel
from slm_core.layout import EXAMPLES_NAME, HISTORY_NAME, MANIFEST_NAME, OUTCOMES_NAME
from slm_core.records import Manifest, Metrics, Provenance, RunSpec, describe_files, sha256_of
from transformers import PreTrainedTokenizerFast

from extraction.examples import Examples
from extraction.outcomes import NoteOutcomes
from training.board import archive_board
from training.card import model_card
from training.history import HistoryRow, as_jsonl
from training.plots import plot_f1, plot_loss

VERSIONED_PACKAGES = ("torch", "transformers", "peft", "accelerate", "tokenizers", "safetensors", "bitsandbytes")


@dataclass(frozen=True)
class Package:
    """What the archive tells besides the adapter."""

    spec: RunSpec
    metrics: Metrics
    outcomes: NoteOutcomes
    examples: Examples | None
    """None where the notes are not known to be synthetic."""
    history: Sequence[HistoryRow]
    base_model_files: dict[str, str]
    board: Path


def write_package(directory: Path, package: Package, model: PeftModel, tokenizer: PreTrainedTokenizerFast) -> Manifest:
    """Write every artifact into the directory, replacing an earlier attempt, and return the manifest."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    _save_adapter(directory, package.spec, model)
    tokenizer.save_pretrained(directory)
    _write_numbers(directory, package)
    _write_pictures(directory, package)
    archive_board(package.board, directory)
    # PEFT has left a card of its own
    (directory / "README.md").write_text(_card(directory, package), encoding="utf-8")
    (directory / "NOTICE").write_text(f"{package.spec.config.base_model.licence_notice}\n", encoding="utf-8")
    manifest = Manifest(
        run_id=package.spec.run_id,
        created_at=datetime.now(UTC),
        files=describe_files(directory, [path for path in directory.rglob("*") if path.is_file()]),
        provenance=_provenance(package),
    )
    (directory / MANIFEST_NAME).write_text(manifest.model_dump_json(indent=2), encoding="utf-8")
    return manifest


def _save_adapter(directory: Path, spec: RunSpec, model: PeftModel) -> None:
    config = model.peft_config["default"]
    # the model was loaded from the volume; whoever loads the adapter needs its name on the Hub
    config.base_model_name_or_path = spec.base_model.repo_id
    config.revision = spec.base_model.revision
    # with "auto" PEFT would ask the Hub for the base model's vocabulary size
    model.save_pretrained(str(directory), save_embedding_layers=False)


def _write_numbers(directory: Path, package: Package) -> None:
    (directory / "metrics.json").write_text(package.metrics.model_dump_json(indent=2), encoding="utf-8")
    (directory / OUTCOMES_NAME).write_text(package.outcomes.model_dump_json(), encoding="utf-8")
    (directory / HISTORY_NAME).write_text(as_jsonl(package.history), encoding="utf-8")
    if package.examples is not None:
        (directory / EXAMPLES_NAME).write_text(package.examples.model_dump_json(indent=1), encoding="utf-8")


def _card(directory: Path, package: Package) -> str:
    adapter = {path.name: sha256_of(path) for path in directory.glob("*.safetensors")}
    return model_card(package.spec, package.metrics, _provenance(package), adapter)


def _write_pictures(directory: Path, package: Package) -> None:
    plot_loss(package.history, directory / "loss.png")
    plot_f1(package.metrics.before, package.metrics.after, directory / "f1.png")


def _provenance(package: Package) -> Provenance:
    spec = package.spec
    return Provenance(
        git_commit=spec.git_commit,
        config_sha256=spec.config.sha256(),
        dataset_sha256=spec.dataset_sha256,
        base_model=spec.base_model,
        base_model_files=package.base_model_files,
        image=spec.image,
        seed=spec.config.training.seed,
        versions=_versions(),
    )


def _versions() -> dict[str, str]:
    # bitsandbytes exists for Linux alone
    installed = [name for name in VERSIONED_PACKAGES if find_spec(name) is not None]
    return {"python": python_version()} | {name: version(name) for name in installed}
