"""The emulated instance on virtual time: it boots, answers commands, trains, saves, and dies as told.

It stands in for EC2, the SSM agent, the Command document's script and the training process. The training keeps the real
one's contract with S3 (progress.json, outcome.json, artifacts with a manifest) through the records of slm_core.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from slm_core.layout import RunKeys
from slm_core.records import Outcome, Phase, Progress, RunSpec

from fine_tune_slm.localcloud.fleet.fleet import StartFault, StartRefusedError, StateError
from tests.faults.world.timeline import Timeline

PENDING_SECONDS, CHECKS_SECONDS, AGENT_SECONDS, STOPPING_SECONDS = 8, 70, 100, 25
TICK_SECONDS = 60
GUARD_SECONDS = 60
DOWNLOAD_SECONDS, EVALUATION_SECONDS, PACKAGING_SECONDS = 180, 120, 30
CORRUPTED_NAME = "adapter_config.json"


class InstanceRecord(Protocol):
    """moto's record of the instance."""

    id: str
    state: str

    def become(self, state: str, reason_code: str = "") -> None:
        """Show this state."""

    def launched(self, at: datetime) -> None:
        """Show this launch time."""


@dataclass
class Volume:
    """What outlives every boot."""

    checkpoints: dict[str, list[int]] = field(default_factory=dict)
    newest_launch: tuple[str, int] = ("", 0)
    heartbeat_at: datetime | None = None


@dataclass
class Command:
    """A command on its way."""

    command_id: str
    instance_id: str
    action: str
    run_id: str
    fence: int
    requested_at: datetime
    timeout_seconds: float
    status: str = "InProgress"
    details: str = "In Progress"
    output: str = ""
    response_code: int = -1

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.status not in {"Pending", "InProgress", "Delayed"}

    def end(self, status: str, details: str = "", *, code: int = 0, output: str = "") -> None:
        """End it, once."""
        if not self.is_over:
            self.status, self.details, self.response_code, self.output = status, details or status, code, output


@dataclass(frozen=True)
class JobPlan:
    """How long the training of a run takes."""

    steps: int = 120
    seconds_per_step: float = 10.0
    checkpoint_seconds: float = 600.0
    resumes: str | None = None
    """The run whose work this one is meant to continue."""


@dataclass
class Loss:
    """Work that a launch did and the next one has to do again."""

    run_id: str
    seconds: float


class Job:
    """The training process of one launch."""

    def __init__(self, host: Host, spec: RunSpec, command: Command, plan: JobPlan) -> None:
        self._host = host
        self._timeline = host.timeline
        self.spec = spec
        self.command = command
        self._plan = plan
        self._keys = RunKeys(spec.run_id)
        saved = host.volume.checkpoints.setdefault(spec.run_id, [])
        source = host.volume.checkpoints.get(spec.resume_from or "", [])
        self.resumed_from = max([0, *saved, *([] if saved else source)])
        self.step = self.resumed_from
        self._note_loss(host.reached.get(spec.run_id) or host.reached.get(plan.resumes or "", 0), self.resumed_from)
        self._saved_at = self._timeline.seconds()
        self._phase, self._phase_left = Phase.DOWNLOADING, float(DOWNLOAD_SECONDS)
        self.is_over = False
        self.is_silent = False

    def begin(self) -> None:
        """Report and go on."""
        self._host.put_outcome(self, Outcome(run_id=self.spec.run_id, fence=self.command.fence, status="running"))
        self._report()
        self._timeline.after(TICK_SECONDS, self._tick)

    def fail(self, error: str, code: int, message: str = "The training process said so") -> None:
        """End as the training process does when it knows why."""
        self._conclude("failed", code, error=error, message=message)

    def die(self, code: int | None, *, oom_killed: bool = False) -> None:
        """End without a word."""
        self._conclude("killed", code, oom_killed=oom_killed)

    def terminate(self) -> None:
        """End on SIGTERM: save first."""
        if not self.is_over:
            self._save()
            self.is_over = True

    def vanish(self) -> None:
        """End with the host, without a warning."""
        if not self.is_over:
            self._note_loss(self.step, max([0, *self._host.volume.checkpoints[self.spec.run_id]]))
            self.is_over = True

    def _note_loss(self, reached: int, kept: int) -> None:
        lost_seconds = max(0, reached - kept) * self._plan.seconds_per_step
        self._host.losses.append(Loss(self.spec.run_id, lost_seconds))

    def _tick(self) -> None:
        if self.is_over or self._host.job is not self:
            return
        if not self.is_silent:
            self._work(TICK_SECONDS)
        if not self.is_over:
            self._timeline.after(TICK_SECONDS, self._tick)

    def _work(self, seconds: float) -> None:
        if self._phase is Phase.TRAINING:
            self.step = min(self._plan.steps, self.step + int(seconds / self._plan.seconds_per_step))
            self._host.reached[self.spec.run_id] = self.step
            if self._timeline.seconds() - self._saved_at >= self._plan.checkpoint_seconds:
                self._save()
            if self.step >= self._plan.steps:
                self._save()
                self._phase, self._phase_left = Phase.EVALUATING_AFTER, float(EVALUATION_SECONDS)
        else:
            self._phase_left -= seconds
            if self._phase_left <= 0:
                self._next_phase()
        if not self.is_over:
            self._report()

    def _next_phase(self) -> None:
        if self._phase is Phase.DOWNLOADING:
            self._phase, self._saved_at = Phase.TRAINING, self._timeline.seconds()
        elif self._phase is Phase.EVALUATING_AFTER:
            self._phase, self._phase_left = Phase.PACKAGING, float(PACKAGING_SECONDS)
        else:
            self._host.stage_artifacts(self)
            self._conclude("succeeded", 0)

    def _save(self) -> None:
        if self._phase is Phase.TRAINING and self._host.may_save(self):
            self._host.volume.checkpoints[self.spec.run_id].append(self.step)
            self._saved_at = self._timeline.seconds()

    def _report(self) -> None:
        saved = self._host.volume.checkpoints[self.spec.run_id]
        left = (self._plan.steps - self.step) * self._plan.seconds_per_step + self._phase_left
        progress = Progress(
            run_id=self.spec.run_id,
            fence=self.command.fence,
            phase=self._phase,
            step=self.step,
            total_steps=self._plan.steps,
            resumed_from_step=self.resumed_from,
            loss=0.5,
            median_step_seconds=self._plan.seconds_per_step,
            seconds_left=max(1.0, left),
            checkpoint_step=max(saved, default=None),
            updated_at=self._timeline.now,
        )
        self._host.volume.heartbeat_at = self._timeline.now
        self._host.put(self._keys.progress, progress.model_dump_json().encode())

    def _conclude(self, status: str, code: int | None, **more: Any) -> None:
        if self.is_over:
            return
        self.is_over = True
        outcome = Outcome.model_validate(
            {"run_id": self.spec.run_id, "fence": self.command.fence, "status": status, "exit_code": code} | more
        )
        self._host.put_outcome(self, outcome)
        ended_well = status == "succeeded"
        self.command.end("Success" if ended_well else "Failed", code=0 if ended_well else 1)


class Host:
    """The one instance with its agent."""

    def __init__(self, timeline: Timeline, s3: Any, bucket: str, scores: Mapping[str, float]) -> None:
        self.timeline = timeline
        self._scores = scores
        self._s3 = s3
        self._bucket = bucket
        self.volume = Volume()
        self.record: InstanceRecord | None = None
        self.boot = 0
        self.booted_at: datetime | None = None
        self.job: Job | None = None
        self.plans: dict[str, JobPlan] = {}
        self.losses: list[Loss] = []
        self.reached: dict[str, int] = {}
        """The last step that each run has done."""
        self.commands: dict[str, Command] = {}
        self.start_faults: deque[StartFault] = deque()
        self.running_seconds: list[tuple[float, float | None]] = []
        self.deadline_tag: Callable[[], str | None] = lambda: None
        self.is_agent_dead = self.is_impaired = self.is_torn = self.is_staging_broken = False
        self.is_corrupting = self.is_metadata_silent = False
        self.is_scarce: Callable[[], bool] = lambda: False
        self.command_endings: deque[str] = deque()
        self.on_job: Callable[[Job], None] = lambda _: None
        self.starts_by_fence: list[tuple[int, str]] = []
        self._ids = itertools.count(1)

    # what the seams of EC2 ask
    def start(self, record: InstanceRecord) -> None:
        """Start the instance; a running or pending one stays as it is."""
        self.record = record
        if record.state in {"running", "pending"}:
            return
        if record.state != "stopped":
            raise StateError("is not in a state from which it can be started")
        fault = self.start_faults.popleft() if self.start_faults else None
        if self.is_scarce():
            fault = StartFault("Server.InsufficientInstanceCapacity", is_accepted=True)
        if fault and not fault.is_accepted:
            raise StartRefusedError(fault)
        self.boot += 1
        boot = self.boot
        record.become("pending")
        record.launched(self.timeline.now)
        self.running_seconds.append((self.timeline.seconds(), None))
        self.timeline.after(PENDING_SECONDS, lambda: self._up(boot, fault))

    def stop(self, record: InstanceRecord, reason_code: str = "Client.UserInitiatedShutdown") -> None:
        """Stop the instance; a stopping or stopped one stays as it is."""
        self.record = record
        if record.state in {"stopping", "stopped"}:
            return
        if record.state != "running":
            raise StateError("is not in a state from which it can be stopped")
        if self.job:
            self.job.terminate()
        self._go_down(record, reason_code)

    def checks_pass(self, instance_id: str) -> bool:
        """Return whether the status checks are ok."""
        del instance_id
        return not self.is_impaired and self._is_up_for(CHECKS_SECONDS)

    # what happens to a host
    def power_off(self) -> None:
        """Shut down from inside, which means stop."""
        if self.record and self.record.state == "running":
            self.stop(self.record, "Client.InstanceInitiatedShutdown")

    def crash(self) -> None:
        """Lose the host without a warning."""
        if self.record and self.record.state == "running":
            if self.job:
                self.job.vanish()
            self._go_down(self.record, "Server.InternalError")

    def reboot(self) -> None:
        """Restart the operating system: containers are gone, the instance stays running."""
        if self.record and self.record.state == "running":
            if self.job:
                self.job.vanish()
                self.job.command.end("Failed", code=-1)
            self.boot += 1
            self.booted_at = self.timeline.now

    # what the agent does
    def agent_is_online(self) -> bool:
        """Return whether the agent takes commands."""
        return not self.is_agent_dead and self._is_up_for(AGENT_SECONDS)

    def last_ping(self) -> datetime:
        """Return when the agent was heard last."""
        return min(self.timeline.now, self.booted_at or self.timeline.now) - timedelta(minutes=5)

    def accept(self, instance_id: str, parameters: Mapping[str, str]) -> Command:
        """Run a command of our document."""
        command = Command(
            command_id=f"00000000-0000-4000-8000-{next(self._ids):012d}",
            instance_id=instance_id,
            action=parameters["Action"],
            run_id=parameters["RunId"],
            fence=int(parameters["Fence"]),
            requested_at=self.timeline.now,
            timeout_seconds=float(parameters["ExecutionTimeoutSeconds"]),
        )
        self.commands[command.command_id] = command
        if self.command_endings:
            status, _, details = self.command_endings.popleft().partition("/")
            command.status, command.details = status, details or status
            return command
        boot = self.boot
        self.timeline.after(3, lambda: self._execute(command, boot))
        return command

    def put(self, key: str, content: bytes) -> None:
        """Put an object as the host's role."""
        if not self.is_staging_broken:
            self._s3.put_object(Bucket=self._bucket, Key=key, Body=content)

    def put_outcome(self, job: Job, outcome: Outcome) -> None:
        """Stage how a launch stands."""
        self.put(RunKeys(job.spec.run_id).outcome, outcome.model_dump_json().encode())

    def stage_artifacts(self, job: Job) -> None:
        """Put the adapter and its manifest to staging."""
        from tests.faults.world.artifacts import staged_files

        keys = RunKeys(job.spec.run_id)
        for path, content in staged_files(job.spec, self.timeline.now, self._scores.get(job.spec.run_id, 0.9)).items():
            is_hit = self.is_corrupting and path == CORRUPTED_NAME
            self.put(f"{keys.staged_artifacts}{path}", content[:-1] if is_hit else content)

    def may_save(self, job: Job) -> bool:
        """Return whether a checkpoint that is written now is whole."""
        del job
        return not self.is_torn

    def _execute(self, command: Command, boot: int) -> None:
        if self.boot != boot or not self._is_up_for(0):
            command.end("Failed", "Failed", code=-1)
        elif command.action == "probe":
            command.end("Success", output=f"boot {boot:08d}")
        elif command.action == "stop":
            if self.job and self.job.command.run_id == command.run_id:
                self.job.terminate()
            command.end("Success")
        else:
            self._launch(command)

    def _launch(self, command: Command) -> None:
        body = self._s3.get_object(Bucket=self._bucket, Key=RunKeys(command.run_id).spec)["Body"].read()
        spec = RunSpec.model_validate_json(body)
        this = (spec.created_at.isoformat(), command.fence)
        if this < self.volume.newest_launch:
            command.end("Failed", code=1)
            return
        self.volume.newest_launch = this
        self.starts_by_fence.append((command.fence, command.run_id))
        if self.job and not self.job.is_over:
            self.job.vanish()
            self.job.command.end("Failed", code=1)
        self.job = Job(self, spec, command, self.plans.get(command.run_id, JobPlan()))
        self.timeline.after(command.timeout_seconds, lambda: self._expire(command))
        self.job.begin()
        self.on_job(self.job)

    def _expire(self, command: Command) -> None:
        # the agent kills the shell; the container lives on
        command.end("TimedOut", "Execution Timed Out", code=-1)

    def _up(self, boot: int, fault: StartFault | None) -> None:
        if self.record is None or self.boot != boot or self.record.state != "pending":
            return
        if fault:
            self._down(self.record, fault.code)
            return
        self.booted_at = self.timeline.now
        self.record.become("running")

    def _go_down(self, record: InstanceRecord, reason_code: str) -> None:
        if self.job:
            self.job.is_over = True
            self.job.command.end("Failed", code=-1)
            self.job = None
        self.booted_at = None
        record.become("stopping", reason_code)
        self.timeline.after(STOPPING_SECONDS, lambda: self._down(record, reason_code))

    def _down(self, record: InstanceRecord, reason_code: str) -> None:
        record.become("stopped", reason_code)
        began, ended = self.running_seconds[-1]
        if ended is None:
            self.running_seconds[-1] = (began, self.timeline.seconds())

    def _is_up_for(self, seconds: float) -> bool:
        is_running = self.record is not None and self.record.state == "running" and self.booted_at is not None
        return bool(is_running and (self.timeline.now - self.booted_at).total_seconds() >= seconds)  # type: ignore[operator]


def digest(content: bytes) -> str:
    """Return the SHA-256 of some bytes."""
    return hashlib.sha256(content).hexdigest()


def to_json(content: Mapping[str, Any]) -> bytes:
    """Return a document as JSON."""
    return json.dumps(content).encode()
