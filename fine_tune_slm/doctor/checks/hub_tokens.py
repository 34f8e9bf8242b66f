"""Whether the Hub's tokens lie in their secrets and look like tokens; no part of one is ever shown."""

from __future__ import annotations

import re

from slm_core.parameters import secret_name

from fine_tune_slm.doctor.context import Context
from fine_tune_slm.doctor.finding import Finding, fail, ok, warn
from fine_tune_slm.hub_secrets import READ_TOKEN, WRITE_TOKEN, stored_token

USUAL_TOKEN = re.compile(r"hf_[A-Za-z0-9_-]{20,}")
POSSIBLE_TOKEN = re.compile(r"[!-~]+")
FRAGMENTS_OF_JSON = '{}"'


def look_at_read_token(context: Context) -> Finding:
    """Return whether the token that reads the base model is there."""
    return _look(context, READ_TOKEN)


def look_at_write_token(context: Context) -> Finding:
    """Return whether the token that publishes is there and is another one than the host's; a trial may do without."""
    if not context.config.publish.enabled:
        return ok("not needed: publish.enabled is false")
    finding = _look(context, WRITE_TOKEN)
    if stored_token(context.account, context.setting(WRITE_TOKEN)) == stored_token(
        context.account, context.setting(READ_TOKEN)
    ):
        remedy = "Make a read-only token for the other secret: the GPU host reads that one."
        return fail("both secrets hold the same token, so the GPU host could publish", remedy)
    return finding


def _look(context: Context, setting: str) -> Finding:
    secret_id = context.setting(setting)
    name = secret_name(secret_id)
    token = stored_token(context.account, secret_id)
    put = (
        f'printf %s "$TOKEN" | aws secretsmanager put-secret-value --secret-id {name} --secret-string file:///dev/stdin'
    )
    if token is None:
        return fail(f"secret {name} does not exist or is empty", put)
    if not POSSIBLE_TOKEN.fullmatch(token) or set(token) & set(FRAGMENTS_OF_JSON):
        return fail(f"secret {name} holds something that is no token", f"The bare token, no JSON: {put}")
    if not USUAL_TOKEN.fullmatch(token):
        return warn(f"secret {name} holds something that does not look like a Hub token (hf_...)", put)
    return ok(f"secret {name} holds a token")
