"""Whether what trains can be imported; in a process of its own, because this one must not import torch."""

from __future__ import annotations

import subprocess
import sys

from fine_tune_slm.doctor.context import Context
from fine_tune_slm.doctor.finding import Finding, fail, ok

PROBE = "import torch, transformers, peft; print(torch.__version__)"
PATIENCE_SECONDS = 120


def look_at_local_torch(context: Context) -> Finding:
    """Return torch's version."""
    return probe(PROBE, context)


def probe(code: str, context: Context) -> Finding:
    """Return what a line of Python printed, or how it failed."""
    remedy = ".venv/bin/python -m pip install -c constraints.txt -e '.[training,local]'"
    try:
        ran = subprocess.run(
            [sys.executable, "-c", code],
            cwd=context.request.project,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return fail(f"torch was not imported within {PATIENCE_SECONDS} s", remedy)
    if ran.returncode == 0:
        return ok(f"torch {ran.stdout.strip()}, transformers and peft can be imported")
    last = ran.stderr.strip().splitlines()[-1:] or [f"exit code {ran.returncode}"]
    return fail(f"what trains cannot be imported: {last[0][:200]}", remedy)
