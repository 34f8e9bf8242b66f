"""What a stage's stack and its settings are called; template.yaml makes every other name from the stage likewise."""

from __future__ import annotations

PROJECT = "fine-tune-slm"
DEFAULT_STAGE = "prod"
STAGE_PATTERN = r"^[a-z][a-z0-9-]{0,15}$"


def stack_name(stage: str = DEFAULT_STAGE) -> str:
    """Return what samconfig.toml calls the stage's stack."""
    return f"{PROJECT}-{stage}"


def parameter_root(stage: str = DEFAULT_STAGE) -> str:
    """Return where the stage's settings lie in Parameter Store, if the template's ParameterRoot is the default."""
    return f"/{PROJECT}/{stage}"
