"""Whether this Python is one that the project runs on."""

from __future__ import annotations

import platform
import sys

from fine_tune_slm.doctor.context import Context
from fine_tune_slm.doctor.finding import Finding, fail, ok

OLDEST, TOO_NEW = (3, 11), (3, 14)


def look_at_local_python(_context: Context) -> Finding:
    """Return its version."""
    return verdict_on(sys.version_info[:2], platform.python_version())


def verdict_on(version: tuple[int, ...], told: str) -> Finding:
    """Return whether a version of Python will do."""
    if OLDEST <= version < TOO_NEW:
        return ok(told)
    return fail(f"{told} is not 3.11 to 3.13", "rm -r .venv; make finds another Python, or says how to get one.")
