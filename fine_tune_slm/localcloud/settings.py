"""What a caller may choose about the emulated AWS."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field


class InstanceTimings(BaseModel):
    """How long the emulated instance takes; on AWS the sum is 100 to 150 s."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    pending_seconds: float = Field(default=1.0, ge=0, description="From StartInstances to running.")
    status_checks_seconds: float = Field(default=2.0, ge=0, description="From StartInstances to checks ok.")
    agent_seconds: float = Field(default=2.5, ge=0, description="From StartInstances to the agent's first ping.")
    stopping_seconds: float = Field(default=0.5, ge=0, description="The least that StopInstances takes.")
    grace_seconds: float = Field(default=20.0, ge=0, description="Between SIGTERM and SIGKILL when the instance stops.")


class EngineProgram(BaseModel):
    """A container engine of this machine."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    path: Path = Field(description="podman or docker.")
    environment: dict[str, str] = Field(default_factory=dict, description="What leads it to its images.")


class LocalCloudSettings(BaseModel):
    """The emulated AWS of one run."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    root: Path = Field(description="Everything of the run is kept here: s3, logs, hub, executions, volume.")
    volume: Path | None = Field(
        default=None, description="The checkpoint volume; default root/volume. Outlives the run."
    )
    region: str = Field(default="us-east-1", description="The only region there is.")
    wait_scale: float = Field(default=1.0, ge=0, description="Factor on Wait states and on the backoff of Retry.")
    schedules_fire: bool = Field(
        default=True, description="Whether schedules fire at their rate; `fire_schedule` fires one either way."
    )
    container_entry_point: tuple[str, ...] = Field(
        default=(sys.executable, "-m", "training"), description="What `docker run IMAGE` starts on the emulated host."
    )
    container_engine: EngineProgram | None = Field(
        default=None, description="Runs `docker run IMAGE` really; without one, the entry point is a process."
    )
    lambda_python: Path = Field(
        default=Path(sys.executable),
        description="Runs the functions; this Python holds what the layers bring, another must find it in them.",
    )
    timings: InstanceTimings = Field(default_factory=InstanceTimings)

    @property
    def volume_directory(self) -> Path:
        """Return where the host's checkpoint volume lies on this machine."""
        return self.volume or self.root / "volume"
