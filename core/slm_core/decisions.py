"""What to do next, from what was seen: pure functions; the time is an argument. No AWS, no I/O."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from slm_core.errors import TrainingFailedError, TrainingOutOfMemoryError, leaves
from slm_core.instance import InstanceView
from slm_core.lease import Lease
from slm_core.records import Evaluation, Outcome, Progress
from slm_core.training_config import Frozen, GateConfig, LimitsConfig

SHORTEST_POLL_SECONDS = 15
LONGEST_POLL_SECONDS = 300
UNKNOWN_POLL_SECONDS = 30
STALL_STEPS = 5
FIRST_BOOT = timedelta(minutes=45)
SILENCE = timedelta(minutes=30)
FORCE_AFTER = timedelta(minutes=10)
_DOCKER_DAEMON_FAILED = 125
_FIRST_SIGNAL_CODE = 129
_LAST_SIGNAL_CODE = 159
_INTERRUPTED = "TrainingInterruptedError"


class RequiredScore(Frozen):
    """One bound of the gate beside what the model reached."""

    name: str
    reached: float
    bound: float
    is_minimum: bool

    @property
    def is_met(self) -> bool:
        """Whether the model is on the right side of the bound."""
        return self.reached >= self.bound if self.is_minimum else self.reached <= self.bound

    def __str__(self) -> str:
        direction = "at least" if self.is_minimum else "at most"
        return f"{self.name} {self.reached:.3f}, {direction} {self.bound:.3f} required"


class HowItGoes(Frozen):
    """What a look at the training says; `error` names the leaf to raise."""

    status: Literal["running", "succeeded", "relaunch", "failed"]
    reason: str | None = None
    error: str | None = None


RUNNING = HowItGoes(status="running")


def next_poll_seconds(seconds_left: float | None) -> int:
    """Return half of the estimated time left, between 15 and 300 s; 30 s when nothing is known.

    Units: seconds; an integer, because a Wait state takes no other.
    """
    if seconds_left is None:
        return UNKNOWN_POLL_SECONDS
    return int(min(max(seconds_left / 2, SHORTEST_POLL_SECONDS), LONGEST_POLL_SECONDS))


def deadline(first_launched_at: datetime, limits: LimitsConfig, usd_per_hour: float) -> datetime:
    """Return when the run must be over: max_hours or the budget, whichever ends first."""
    return first_launched_at + timedelta(hours=min(limits.max_hours, limits.budget_usd / usd_per_hour))


def is_stalled(progress: Progress | None, sent_at: datetime, now: datetime, stall_minutes: float) -> bool:
    """Return whether the training has been silent for stall_minutes and for several times its median step."""
    heard_at = max(progress.updated_at, sent_at) if progress else sent_at
    median_step_seconds = (progress.median_step_seconds if progress else None) or 0
    patience_seconds = max(stall_minutes * 60, STALL_STEPS * median_step_seconds)
    return (now - heard_at).total_seconds() > patience_seconds


def why_sweep(view: InstanceView, lease: Lease, now: datetime, *, owner_runs: bool) -> str | None:
    """Return why a running instance must be stopped, or None when a run that is well holds it."""
    if lease.fence == 0 and now - view.launched_at < FIRST_BOOT:
        return None
    if lease.owner_arn is None:
        return "no run holds it"
    if not owner_runs:
        return f"the execution of run {lease.run_id}, which holds it, has ended"
    if lease.deadline_at and now >= lease.deadline_at:
        return f"the deadline of run {lease.run_id} has passed"
    if lease.heartbeat_at is None or now - lease.heartbeat_at > SILENCE:
        return f"run {lease.run_id}, which holds it, has given no sign of life for {SILENCE}"
    return None


def judge_outcome(outcome: Outcome) -> HowItGoes:
    """Return what the host's own account of its newest launch means."""
    if outcome.status == "succeeded":
        return HowItGoes(status="succeeded")
    if outcome.status == "failed" and outcome.error == _INTERRUPTED:
        return HowItGoes(status="relaunch", reason="the training was interrupted from outside and saved a checkpoint")
    leaf = leaves().get(outcome.error or "")
    if outcome.status == "failed" and leaf is not None and leaf.retryable:
        return HowItGoes(status="relaunch", reason=f"the host met {outcome.error}")
    if outcome.status == "failed":
        return _failed(outcome.error or "", outcome.message or "The training process gave no reason")
    return _judge_death(outcome) if outcome.status == "killed" else RUNNING


def _judge_death(outcome: Outcome) -> HowItGoes:
    code = outcome.exit_code
    if outcome.oom_killed:
        return _failed(TrainingOutOfMemoryError.__name__, "The kernel killed the container for want of memory")
    if code is None or code == _DOCKER_DAEMON_FAILED or _FIRST_SIGNAL_CODE <= code <= _LAST_SIGNAL_CODE:
        return HowItGoes(status="relaunch", reason=f"the container was killed (exit code {code})")
    by_exit_code = {leaf.exit_code: name for name, leaf in leaves().items() if 20 <= leaf.exit_code < 30}
    return _failed(by_exit_code.get(code, ""), f"The container ended with exit code {code} and said nothing")


def _failed(error: str, message: str) -> HowItGoes:
    known = error if error in leaves() else TrainingFailedError.__name__
    return HowItGoes(status="failed", error=known, reason=message)


def assess(after: Evaluation, gate: GateConfig) -> tuple[RequiredScore, ...]:
    """Return every bound of the gate beside what the model reached, field by field."""
    overall = (
        RequiredScore(name="macro-F1", reached=after.macro_f1, bound=gate.macro_f1_min, is_minimum=True),
        RequiredScore(name="JSON valid", reached=after.json_valid, bound=gate.json_valid_min, is_minimum=True),
        RequiredScore(name="ungrounded", reached=after.ungrounded_rate, bound=gate.ungrounded_max, is_minimum=False),
    )
    fields = tuple(
        RequiredScore(name=f"F1 of {name}", reached=scores.f1, bound=gate.field_f1_min, is_minimum=True)
        for name, scores in sorted(after.fields.items())
    )
    return overall + fields
