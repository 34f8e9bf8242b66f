"""The host's guard on virtual time: main() of the very file that the host runs, as its timer calls it.

Stood in for are the clock, the boot's time, the metadata service's answers and the power; the volume is a directory.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable
from datetime import datetime
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace

from tests.faults.world.world import ROOT, World

TAG_PATH = "/meta-data/tags/instance/deadline"


@cache
def guard() -> ModuleType:
    """Return host/guard.py as a module."""
    spec = importlib.util.spec_from_file_location("host_guard", ROOT / "host" / "guard.py")
    if spec is None or spec.loader is None:
        raise FileNotFoundError("host/guard.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Guard:
    """Looks at the host of one world."""

    def __init__(self, world: World, directory: Path, power_off: Callable[[], None]) -> None:
        self._world = world
        self._heartbeat = directory / "runs" / "a" / "progress.json"
        self._heartbeat.parent.mkdir(parents=True)
        self._written_at: datetime | None = None
        module = guard()
        module.time = SimpleNamespace(time=self._seconds)  # type: ignore[attr-defined]
        module.os = SimpleNamespace(environ={"FINE_TUNE_SLM_VOLUME": str(directory)})  # type: ignore[attr-defined]
        module.boot_time = lambda _now: world.host.booted_at.timestamp()  # type: ignore[attr-defined,union-attr]
        module._ask = self._ask  # type: ignore[attr-defined]
        module.power_off = power_off  # type: ignore[attr-defined]

    def look(self) -> None:
        """Run the guard once, where there is a host that runs."""
        if self._world.host.booted_at is None or self._world.instance().state != "running":
            return
        heartbeat_at = self._world.host.volume.heartbeat_at
        if heartbeat_at and heartbeat_at != self._written_at:
            self._heartbeat.touch()
            os.utime(self._heartbeat, (heartbeat_at.timestamp(),) * 2)
            self._written_at = heartbeat_at
        guard().main()

    def _seconds(self) -> float:
        return self._world.timeline.now.timestamp()

    def _ask(self, url: str, method: str, headers: dict[str, str]) -> str:
        del headers
        if self._world.host.is_metadata_silent:
            raise TimeoutError(url)
        if method == "PUT":
            return "a-token"
        tags = {tag["key"]: tag["value"] for tag in self._world.instance().get_tags()}
        if not url.endswith(TAG_PATH) or "deadline" not in tags:
            raise FileNotFoundError(url)
        return str(tags["deadline"])
