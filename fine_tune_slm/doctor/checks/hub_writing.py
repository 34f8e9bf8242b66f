"""Whether the write token may publish, and under the name that is set."""

from __future__ import annotations

from slm_core import hub

from fine_tune_slm.doctor.context import Context
from fine_tune_slm.doctor.finding import Finding, fail, ok, warn
from fine_tune_slm.hub_secrets import WRITE_TOKEN, hub_access


def look_at_hub_writing(context: Context) -> Finding:
    """Return whether a run could publish; nothing is created to find out."""
    base, repo_id = context.config.base_model, context.setting("hub.publish_repo")
    if not context.config.publish.enabled:
        return ok("not needed: publish.enabled is false")
    if not base.may_be_published_as(repo_id):
        remedy = f"fine-tune-slm params set hub.publish_repo NAMESPACE/{base.name_prefix}NAME"
        return fail(f"the licence of {base.repo_id} wants a name that begins with {base.name_prefix}", remedy)
    access = hub_access(context.account, context.stack, context.setting(WRITE_TOKEN))
    identity = hub.who_is(access)
    hub.require_writing(identity, repo_id, access.secret_name)
    may_write = hub.may_write(access, repo_id)
    if may_write:
        return ok(f"the token may write to {repo_id}")
    if may_write is False:
        return fail(f"the token may not write to {repo_id}", "Give the token write access to that repository.")
    if identity.role == "fineGrained":
        remedy = "Make sure that the token may create repositories in that namespace, or create it yourself."
        return warn(f"{repo_id} does not exist yet, and the Hub does not tell what a fine-grained token may do", remedy)
    return ok(f"{repo_id} does not exist yet; the token may create it")
