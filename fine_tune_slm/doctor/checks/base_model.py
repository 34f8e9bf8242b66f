"""Whether the read token may read the gated base model at its pinned revision."""

from __future__ import annotations

from slm_core import hub

from fine_tune_slm.doctor.context import Context
from fine_tune_slm.doctor.finding import Finding, ok, warn
from fine_tune_slm.hub_secrets import READ_TOKEN, hub_access


def look_at_base_model(context: Context) -> Finding:
    """Return that the model can be read; a token that could also write is warned of, because the host has it."""
    access = hub_access(context.account, context.stack, context.setting(READ_TOKEN))
    identity = hub.who_is(access)
    repo_id, revision = context.config.base_model.repo_id, context.setting("hub.base_model_revision")
    hub.require_reading(access, repo_id, revision)
    told = f"{repo_id} at {revision[:12]} can be read"
    if identity.role == "write":
        return warn(f"{told}, with a token that could also write", "Put a read-only token in its place.")
    return ok(told)
