"""What the image installs where no GPU is: training/requirements.lock with torch's CPU build in place of CUDA's.

The CPU build is no package of PyPI's, so its hash is that of the wheel which pip finds on this machine.
"""

from __future__ import annotations

import re

_ENTRY = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>\S+) \\\n(?:\s+--hash=\S+(?: \\)?\n)+", re.MULTILINE)
_WITH_CUDA_ALONE = re.compile(r"nvidia-|cuda-|triton$")


def cpu_requirements(lock_text: str, torch_sha256: str) -> str:
    """Return the lock's entries without those that torch's CUDA build alone needs, and with the CPU wheel's hash."""
    entries = (match for match in _ENTRY.finditer(lock_text) if not _WITH_CUDA_ALONE.match(match["name"]))
    return "".join(
        f"torch=={entry['version']} \\\n    --hash=sha256:{torch_sha256}\n" if entry["name"] == "torch" else entry[0]
        for entry in entries
    )
