"""What someone on call needs first when a run has failed: where, why, is the instance off, and how to go on."""

from __future__ import annotations

from slm_core.errors import ModelRejectedError, RequestError, leaves
from slm_core.failure import without_instance
from slm_core.records import RunRecord
from slm_core.training_config import Frozen

from fine_tune_slm.desk.place import Whereabouts
from fine_tune_slm.timeline import ENDED_FROM_OUTSIDE, Timeline

NEVER_STARTED = "never_started"
AT_REST = {"stopped", "terminated", NEVER_STARTED}
ON_THIS_MACHINE = Whereabouts()


class FailureCard(Frozen):
    """The facts of one failed run."""

    run_id: str
    status: str
    state: str | None
    error: str
    cause: str
    instance_id: str | None
    instance_state: str
    last_checkpoint_step: int | None
    next_command: str
    is_emulated: bool = False
    """Whether the instance is a rehearsal's."""

    @property
    def is_instance_safe(self) -> bool:
        """Return whether the instance is known not to cost anything."""
        return self.is_emulated or self.instance_state in AT_REST

    def rows(self) -> list[tuple[str, str]]:
        """Return the card as (heading, text), in the order of reading."""
        checkpoint = "none" if self.last_checkpoint_step is None else f"step {self.last_checkpoint_step}"
        instance = self.instance_state if self.instance_id is None else f"{self.instance_id} is {self.instance_state}"
        if self.is_emulated and self.instance_state not in AT_REST:
            instance += ", when last seen; it is emulated and ends with its rehearsal"
        return [
            ("failed in", self.state or "unknown"),
            ("error", self.error),
            ("cause", self.cause),
            ("instance", instance.replace("_", " ")),
            ("last good checkpoint", checkpoint),
            ("go on with", self.next_command),
        ]


def failure_card(
    run_id: str, record: RunRecord | None, timeline: Timeline, where: Whereabouts = ON_THIS_MACHINE
) -> FailureCard:
    """Return the card of a failed run; the record is the source, the execution's history the fallback.

    `where` are the options by which the user found it: the command that goes on has them too.
    """
    failure = record.failure if record else None
    cause = (failure.cause if failure else timeline.cause) or "no cause was recorded"
    is_emulated = where.stage_meant is None
    error = failure.error if failure else timeline.error or timeline.status
    checkpoint = record.last_checkpoint_step if record else None
    instance = record.instance if record else None
    return FailureCard(
        run_id=run_id,
        status=record.status if record else timeline.status.lower(),
        state=(failure.state if failure else None) or _last_state(timeline),
        error=error,
        # no AWS command stops an emulated instance
        cause=without_instance(cause) if is_emulated else cause,
        instance_id=instance.instance_id if instance else None,
        instance_state=_instance_state(record),
        last_checkpoint_step=checkpoint,
        next_command=_next_command(error, run_id, where, has_checkpoint=checkpoint is not None),
        is_emulated=is_emulated,
    )


def _last_state(timeline: Timeline) -> str | None:
    """Return where the run went wrong, or, of one that was ended from outside, how far it had come."""
    if timeline.status in ENDED_FROM_OUTSIDE:
        return timeline.visits[-1].name if timeline.visits else None
    return timeline.failed_visit.name if timeline.failed_visit else None


def _instance_state(record: RunRecord | None) -> str:
    if record is None:
        return "unknown: no record was written"
    # a run that failed before it held the lease has touched no instance
    return record.instance.state if record.instance else NEVER_STARTED


def _next_command(error: str, run_id: str, where: Whereabouts, *, has_checkpoint: bool) -> str:
    leaf = leaves().get(error)
    if leaf is not None and issubclass(leaf, RequestError):
        return f"nothing was started: {leaf.remedy}"
    if leaf is ModelRejectedError:
        # its training is complete: the same once more would be rejected again
        return f"fine-tune-slm status {run_id}{where.options}"
    if has_checkpoint:
        return f"fine-tune-slm resume {run_id}{where.options}"
    return f"fine-tune-slm {'start' if where.stage_meant else 'rehearse'}{where.options}"
