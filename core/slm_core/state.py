"""What travels from state to state of an execution: ids, keys and times, never content."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from slm_core.layout import RunKeys
from slm_core.records import RunId

WaitSeconds = Annotated[int, Field(ge=1, le=300)]


class Passed(BaseModel):
    """A part of the execution's state; other states' parts are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, allow_inf_nan=False)


class Execution(Passed):
    """The execution, from the context object; its name becomes the run's id once PrepareRun has accepted it."""

    arn: str
    name: str
    started_at: datetime


class PreparedRun(Passed):
    """What PrepareRun leaves in place of the request."""

    run_id: RunId
    fence: int = Field(ge=1)
    bucket: str
    run_uri: str
    instance_id: str
    document_name: str
    log_group: str
    write_token_secret_id: str

    @property
    def keys(self) -> RunKeys:
        """The run's S3 keys."""
        return RunKeys(self.run_id)


class InstanceState(Passed):
    """The instance as the run started it."""

    instance_id: str
    instance_type: str
    launched_at: datetime
    deadline_at: datetime
    status: Literal["starting", "ready", "impaired"] = "starting"
    wait_seconds: WaitSeconds
    probe_command_id: str | None = None
    reason: str | None = None


class TrainingState(Passed):
    """The training as the newest poll saw it."""

    command_id: str
    sent_at: datetime
    status: Literal["running", "succeeded", "relaunch"] = "running"
    wait_seconds: WaitSeconds
    relaunches: int = Field(ge=0)
    reason: str | None = None
    phase: str | None = None
    step: int = 0
    total_steps: int = 0


class StoppedState(Passed):
    """What StopInstance saw last."""

    state: str


class ArchiveState(Passed):
    """Where the archive lies."""

    uri: str
    manifest_sha256: str
    files: int
    size_bytes: int


class Verdict(Passed):
    """The gate's answer for a model that met it."""

    publish: bool
    macro_f1: float
    json_valid: float


class Publication(Passed):
    """Where the adapter was published."""

    repo_id: str
    revision: str


class RunInput(Passed):
    """The state after PrepareRun."""

    execution: Execution
    run: PreparedRun


class InstanceInput(RunInput):
    """The state after StartInstance."""

    instance: InstanceState


class TrainingInput(InstanceInput):
    """The state after StartTraining."""

    training: TrainingState


class Failure(Passed):
    """What a Catch writes."""

    error: str = Field(alias="Error")
    cause: str = Field(default="", alias="Cause")


class ExecutionInput(Passed):
    """All that a failed run is sure to have."""

    execution: Execution


class FailureInput(ExecutionInput):
    """The state after a Catch."""

    failure: Failure
    stop_failure: Failure | None = None


class CompletionInput(RunInput):
    """The state after AssessModel, and after PublishModel when there was one."""

    archive: ArchiveState
    publication: Publication | None = None
