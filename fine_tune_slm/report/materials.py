"""What a run was made of: out of its archive's manifest, or out of run.json when it made no archive."""

from __future__ import annotations

from collections.abc import Iterator

from slm_core.materials import material_rows
from slm_core.records import Manifest, RunSpec

Rows = list[tuple[str, str]]


def bill_of_materials(manifest: Manifest | None, spec: RunSpec | None) -> Rows:
    """Return what the run was made of, as (name, value)."""
    if manifest is not None:
        return _of_archive(manifest)
    return _of_spec(spec) if spec is not None else []


def configuration(spec: RunSpec | None) -> Rows:
    """Return every setting of the run's configuration, as (key, value)."""
    return list(_flat("", spec.config.model_dump(mode="json"))) if spec is not None else []


def _of_archive(manifest: Manifest) -> Rows:
    adapter = {file.path: file.sha256 for file in manifest.files if file.path.endswith(".safetensors")}
    return list(material_rows(manifest.provenance, adapter))


def _of_spec(spec: RunSpec) -> Rows:
    return [
        ("git commit", spec.git_commit),
        ("configuration SHA-256", spec.config.sha256()),
        ("dataset SHA-256", spec.dataset_sha256),
        ("base model", f"{spec.base_model.repo_id} at {spec.base_model.revision}"),
        ("image", spec.image),
        ("seed", str(spec.config.training.seed)),
    ]


def _flat(prefix: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(f"{prefix}.{key}" if prefix else str(key), inner)
    else:
        yield prefix, "null" if value is None else str(value)
