"""Whether there is memory for a rehearsal."""

from __future__ import annotations

import os
from pathlib import Path

from fine_tune_slm.doctor.context import Context
from fine_tune_slm.doctor.finding import Finding, ok, warn

GIB = 1024**3
NEEDED_BYTES = 4 * GIB
"""A first run was seen to take 3.8 GB at the most (README)."""
MEMORY_INFO = Path("/proc/meminfo")


def look_at_local_memory(_context: Context) -> Finding:
    """Return what is free, or where the system does not tell, what there is."""
    return verdict_on(available_bytes())


def verdict_on(free_bytes: int) -> Finding:
    """Return whether so much will do; it is a warning, because swapping is slow but works."""
    told = f"{free_bytes / GIB:.1f} GiB, a rehearsal takes up to {NEEDED_BYTES / GIB:.0f} GiB"
    if free_bytes < NEEDED_BYTES:
        return warn(told, "End other programs, or lower training.max_tokens_per_batch in the input of the rehearsal.")
    return ok(told)


def available_bytes(memory_info: Path = MEMORY_INFO) -> int:
    """Return the memory that a new process can have without swapping; without /proc, all of the machine's."""
    if not memory_info.is_file():
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    lines = memory_info.read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
