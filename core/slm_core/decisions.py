"""What to do next, from what was seen: pure functions; the time is an argument. No AWS, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from slm_core.errors import TrainingFailedError, TrainingOutOfMemoryError, leaves
from slm_core.instance import InstanceView
from slm_core.lease import Lease
from slm_core.records import Evaluation, Metrics, Outcome, Progress, Release
from slm_core.training_config import Frozen, GateConfig, LimitsConfig

SHORTEST_POLL_SECONDS = 15
LONGEST_POLL_SECONDS = 300
UNKNOWN_POLL_SECONDS = 30
STALL_STEPS = 5
FIRST_BOOT = timedelta(minutes=45)
FORCE_AFTER = timedelta(minutes=10)
# DescribeExecution is eventually consistent: it may not know an execution that has just begun
JUST_TAKEN = timedelta(minutes=2)
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
        return f"{'met' if self.is_met else 'MISSED':7}{self.name} {self.reached:.3f}, {direction} {self.bound:.3f}"


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


def is_abandoned(lease: Lease, now: datetime, *, owner_runs: bool) -> bool:
    """Return whether the lease was left behind by an execution that has ended."""
    if lease.owner_arn is None or owner_runs:
        return False
    return lease.acquired_at is None or now - lease.acquired_at >= JUST_TAKEN


def why_sweep(view: InstanceView, lease: Lease, now: datetime, *, owner_runs: bool) -> str | None:
    """Return why a running instance must be stopped, or None when a run that is well holds it."""
    # a stack's own instance boots once before any run, and so does one that replaced the instance of the last run
    is_new = lease.fence == 0 or lease.instance_id != view.instance_id
    if is_new and now - view.launched_at < FIRST_BOOT:
        return None
    if lease.owner_arn is None:
        return "no run holds it"
    if is_abandoned(lease, now, owner_runs=owner_runs):
        return f"the execution of run {lease.run_id}, which holds it, has ended"
    if lease.deadline_at and now >= lease.deadline_at:
        return f"the deadline of run {lease.run_id} has passed"
    if lease.lease_until is None or now >= lease.lease_until:
        return f"run {lease.run_id}, which holds it, has given no sign of life for too long"
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


def assess(metrics: Metrics, gate: GateConfig, published: Release | None = None) -> tuple[RequiredScore, ...]:
    """Return every bound of the gate beside what the model reached: overall, the published model, field by field."""
    after = metrics.after
    overall = (
        RequiredScore(name="macro-F1", reached=after.macro_f1, bound=gate.macro_f1_min, is_minimum=True),
        RequiredScore(name="JSON valid", reached=after.json_valid, bound=gate.json_valid_min, is_minimum=True),
        RequiredScore(name="ungrounded", reached=after.ungrounded_rate, bound=gate.ungrounded_max, is_minimum=False),
    )
    return overall + _beside_published(metrics, gate, published) + _by_field(after, gate)


def _beside_published(metrics: Metrics, gate: GateConfig, published: Release | None) -> tuple[RequiredScore, ...]:
    measured = (metrics.validation_sha256, metrics.after.samples)
    if published is None or measured != (published.validation_sha256, published.samples):
        return ()
    # rounded: 0.9 - 0.02 must not refuse 0.88
    bound = max(round(published.macro_f1 - gate.macro_f1_loss_max, 9), 0.0)
    name = f"macro-F1 beside the published run {published.run_id}"
    return (RequiredScore(name=name, reached=metrics.after.macro_f1, bound=bound, is_minimum=True),)


def _by_field(after: Evaluation, gate: GateConfig) -> tuple[RequiredScore, ...]:
    """Return a bound for each field, the worst field first."""
    by_f1 = sorted(after.fields.items(), key=lambda field: (field[1].f1, field[0]))
    return tuple(
        RequiredScore(
            name=f"F1 of {name}{' (worst field)' if rank == 0 else ''}",
            reached=scores.f1,
            bound=gate.field_f1_min,
            is_minimum=True,
        )
        for rank, (name, scores) in enumerate(by_f1)
    )


def gate_table(scores: Sequence[RequiredScore]) -> str:
    """Return the gate's answer as text: how many bounds were missed, then a line for each, the missed ones first."""
    missed = [score for score in scores if not score.is_met]
    lines = [str(score) for score in sorted(scores, key=lambda score: score.is_met)]
    return "\n".join([f"{len(missed)} of the gate's {len(scores)} bounds missed:", *lines])
