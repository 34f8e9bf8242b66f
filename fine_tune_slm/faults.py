"""Faults that a rehearsal can inject, so that anyone can see the workflow recover."""

from __future__ import annotations

import contextlib
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slm_core.layout import VolumePaths
from slm_core.records import Phase, Progress

from fine_tune_slm.live import LiveView

if TYPE_CHECKING:
    from fine_tune_slm.localcloud import LocalCloud


@dataclass
class KillTrainingOnce:
    """Ends the training process with SIGKILL, once, when it has reported a step."""

    step: int
    cloud: LocalCloud
    instance_id: str
    view: LiveView
    is_done: bool = False

    def __call__(self, progress: Progress) -> None:
        """Look at a progress report, and strike when its time has come."""
        step = self._reached(progress)
        if self.is_done or progress.phase is not Phase.TRAINING or step < self.step:
            return
        for pid in training_processes(self.cloud, self.instance_id):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.is_done = True
        if self.is_done:
            self.view.say(f"[yellow]          fault injected: SIGKILL to the training at step {step}[/]")

    def _reached(self, progress: Progress) -> int:
        """Return the newest step: a checkpoint on the volume may be ahead of the report, which comes every 5 s."""
        directory = VolumePaths(self.cloud.settings.volume_directory).checkpoints(progress.run_id)
        names = [path.name.removeprefix("step-") for path in directory.glob("step-*")]
        return max([progress.step, *(int(name) for name in names if name.isdecimal())])


def training_processes(cloud: LocalCloud, instance_id: str) -> list[int]:
    """Return the ids of the processes that stand for running containers on the emulated instance."""
    boot = cloud.fleet.boot_of(instance_id)
    if boot is None:
        return []
    engine = boot.host.engine
    return [container.pid for container in engine.containers if container.state.is_running]


def requested_fault(step: int | None, cloud: LocalCloud, instance_id: str, view: LiveView) -> KillTrainingOnce | None:
    """Return the fault that the user asked for, if any."""
    return None if step is None else KillTrainingOnce(step, cloud, instance_id, view)
