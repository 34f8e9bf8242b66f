"""The files that a host gets with every train command: user data runs once, so this is how one is mended later.

Each lies in the bucket under its own SHA-256; the command names it with that digest, and the host compares.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from slm_core.errors import SettingMissingError
from slm_core.layout import host_file_key
from slm_core.store import ObjectStore

HOST_FILES = {"fine-tune-slm-guard": "guard.py"}
"""Name on the host, and in the layer."""


def publish_host_files(store: ObjectStore, directory: Path | None) -> tuple[str, ...]:
    """Put every host file into the bucket, over whatever lies there, and return each as DIGEST/NAME.

    Raises: SettingMissingError when the function was deployed without them.
    """
    if directory is None:
        raise SettingMissingError("The function's environment lacks HOST_FILES_DIR")
    return tuple(_publish(store, name, (directory / source).read_bytes()) for name, source in HOST_FILES.items())


def _publish(store: ObjectStore, name: str, content: bytes) -> str:
    named = f"{hashlib.sha256(content).hexdigest()}/{name}"
    store.put(host_file_key(named), content)
    return named
