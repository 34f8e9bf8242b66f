"""On what a run was measured: processor, cores, date and the versions of the libraries."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

LIBRARIES = ("torch", "transformers", "peft", "trl", "accelerate", "datasets")


def machine() -> dict[str, Any]:
    """Return what a reader needs to know of the machine, and nothing that names it."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "cpu": _cpu_model(),
        "cores": os.process_cpu_count() if hasattr(os, "process_cpu_count") else len(_affinity()),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in LIBRARIES},
    }


def _affinity() -> set[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))


def _cpu_model() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return named[0] if named else platform.processor() or platform.machine()
