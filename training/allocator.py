"""Tells glibc to keep freed memory: on the CPU torch allocates and frees megabytes for every operation.

Each such block is mapped, zeroed page by page and unmapped again otherwise; greedy decoding of 32 rows took 0.20 s a
token with the default and 0.15 s with this (2 cores).
"""

from __future__ import annotations

import ctypes
import platform

M_TRIM_THRESHOLD = -1
M_MMAP_THRESHOLD = -3
KEPT_BLOCK_BYTES = 1 << 30
NEVER_TRIM = (1 << 31) - 1


def keep_freed_memory() -> None:
    """Set the limits for the rest of the process; elsewhere than on glibc nothing happens."""
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_THRESHOLD, KEPT_BLOCK_BYTES)
        libc.mallopt(M_TRIM_THRESHOLD, NEVER_TRIM)
