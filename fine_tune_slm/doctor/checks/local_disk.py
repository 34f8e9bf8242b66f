"""Whether there is room for the local model and a run."""

from __future__ import annotations

import shutil
from pathlib import Path

from slm_core.sizing.memory import FLOAT32_BYTES
from slm_core.sizing.shape import known_shape

from fine_tune_slm.doctor.context import Context
from fine_tune_slm.doctor.finding import Finding, fail, ok

GIB = 1024**3
LOCAL_MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
MODEL_COPIES = 3
"""As built, on the volume as the host downloads it, and half-way while it is built."""
RUN_BYTES = GIB
"""Checkpoints, archive and logs of a run, rounded up."""


def look_at_local_disk(context: Context) -> Finding:
    """Return what is free where models and runs are kept."""
    shape = known_shape(LOCAL_MODEL)
    model = (shape.linear_parameters + shape.other_parameters) * FLOAT32_BYTES
    return verdict_on(shutil.disk_usage(_existing(context.request.root)).free, MODEL_COPIES * model + RUN_BYTES)


def verdict_on(free_bytes: int, needed_bytes: int) -> Finding:
    """Return whether so much will do."""
    told = f"{free_bytes / GIB:.1f} GiB are free, a first rehearsal takes up to {needed_bytes / GIB:.1f} GiB"
    if free_bytes < needed_bytes:
        return fail(told, "Free some, remove kept runs (.local/runs), or name another place with --root.")
    return ok(told)


def _existing(path: Path) -> Path:
    return next(one for one in (path.resolve(), *path.resolve().parents) if one.exists())
