"""What the emulated training leaves in staging: small files with the real shapes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from slm_core.records import RunSpec

from tests.faults.world.host import digest, to_json

FIELDS = ("cancer_type", "stage", "gene_mutation", "biomarker", "treatment", "response", "metastasis_site")


def metrics(run_id: str, f1: float = 0.9, validation_sha256: str = "0" * 64, **changes: Any) -> dict[str, Any]:
    """Return metrics.json of a model with this F1 in every field."""
    interval = {"low": 0.0, "high": 1.0}
    scores = {"precision": f1, "recall": f1, "f1": f1, "f1_interval": interval}
    after = {
        "samples": 8,
        "macro_f1": f1,
        "macro_f1_interval": interval,
        "micro_f1": f1,
        "record_exact": 0.5,
        "json_valid": 1.0,
        "ungrounded_rate": 0.0,
        "fields": dict.fromkeys(FIELDS, scores),
        "seconds": 1.0,
    } | changes
    training = dict.fromkeys(("steps", "resumed_from_step", "samples_seen", "tokens_seen", "peak_memory_bytes"), 1)
    training |= {"first_loss": 1.0, "last_loss": 0.1, "seconds": 1.0, "padding_share": 0.0}
    training |= {"trainable_parameters": 1, "device": "cpu"}
    return {
        "run_id": run_id,
        "validation_sha256": validation_sha256,
        "before": None,
        "after": after,
        "training": training,
    }


def staged_files(
    spec: RunSpec, at: datetime, f1: float = 0.9, more: Mapping[str, bytes] = MappingProxyType({})
) -> dict[str, bytes]:
    """Return the artifacts of a run with their manifest, the manifest last."""
    files = {
        "adapter_model.safetensors": f"weights of {spec.run_id} under fence {spec.fence}".encode(),
        "adapter_config.json": b'{"r": 16}',
        "README.md": b"---\nlicense: apache-2.0\n---\nA card.\n",
        "metrics.json": to_json(metrics(spec.run_id, f1)),
        **more,
    }
    manifest = {
        "run_id": spec.run_id,
        "created_at": at.isoformat(),
        "files": [
            {"path": path, "size_bytes": len(content), "sha256": digest(content)} for path, content in files.items()
        ],
        "provenance": {
            "git_commit": spec.git_commit,
            "config_sha256": "0" * 64,
            "dataset_sha256": spec.dataset_sha256,
            "base_model": spec.base_model.model_dump(),
            "base_model_files": {},
            "image": spec.image,
            "seed": 1,
            "versions": {},
        },
    }
    return files | {"manifest.json": to_json(manifest)}
