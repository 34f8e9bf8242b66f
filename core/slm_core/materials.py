"""What an adapter was made of, as rows that its card and its run's report share. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from slm_core.records import Provenance


def material_rows(made_of: Provenance, adapter: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Return (name, value) for everything that went in, and the SHA-256 of the adapter's own files."""
    return (
        ("git commit", made_of.git_commit),
        ("configuration SHA-256", made_of.config_sha256),
        ("dataset SHA-256", made_of.dataset_sha256),
        ("base model", f"{made_of.base_model.repo_id} at {made_of.base_model.revision}"),
        *((f"base model file {name}", sha256) for name, sha256 in sorted(made_of.base_model_files.items())),
        *((f"adapter file {name}", sha256) for name, sha256 in sorted(adapter.items())),
        ("image", made_of.image),
        ("seed", str(made_of.seed)),
        *((f"{name} version", version) for name, version in sorted(made_of.versions.items())),
    )
