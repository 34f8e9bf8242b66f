"""Stops a run of a stack and sees to it that its instance stops: the execution is ended, the reaper does the rest."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console

from fine_tune_slm.desk.place import FoundRun, Place
from fine_tune_slm.desk.rehearsals import Rehearsals
from fine_tune_slm.desk.stack import StackRun
from fine_tune_slm.errors import AnotherRunGoesOnError, InstanceNotSeenStoppedError
from fine_tune_slm.kept_runs import LATEST, KeptRun

LOOK_SECONDS = 2.0
GOODBYE_SECONDS = 60.0
"""A rehearsal that ends keeps its objects first."""
AT_REST = {"stopped", "terminated"}


@dataclass(frozen=True)
class StopAnswer:
    """What became of the run and of its instance."""

    run_id: str
    status: str
    was_running: bool
    instance_id: str | None = None
    instance_state: str = "unknown"
    holder: str | None = None
    """The run that holds the instance now."""

    def sentence(self) -> str:
        """Return the answer for a reader."""
        how = "is" if self.was_running else "had ended before,"
        return f"Run {self.run_id} {how} {self.status}; {self._instance()}."

    def _instance(self) -> str:
        if self.instance_id is None:
            return "nothing of it goes on"
        if self.instance_state in AT_REST:
            return f"instance {self.instance_id} was seen {self.instance_state}"
        if self.holder not in {None, self.run_id}:
            return f"instance {self.instance_id} is run {self.holder}'s now"
        return (
            f"its emulated AWS has ended, and instance {self.instance_id} with it, {self.instance_state} when last seen"
        )

    @property
    def is_over(self) -> bool:
        """Return whether the instance is at rest, or another run's."""
        return self.instance_state in AT_REST or self.holder not in {None, self.run_id}


@dataclass(frozen=True)
class Patience:
    """How long to look for the instance to stop, and how to pass the time between looks."""

    seconds: float
    pause: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


def find_to_stop(place: Place, name: str) -> FoundRun:
    """Return the run of that id; `latest` is the newest one, and never one that has ended while another goes on.

    Raises: AnotherRunGoesOnError, RunUnknownError, ExecutionUnknownError.
    """
    found = place.find(name)
    others = [] if name != LATEST else [run_id for run_id in place.running() if run_id != found.run_id]
    if others and not (isinstance(found, StackRun) and found.is_running):
        raise AnotherRunGoesOnError(f"The newest run, {found.run_id}, has ended, but this goes on: {', '.join(others)}")
    return found


def stop_and_see(place: Place, run: FoundRun, patience: Patience, console: Console) -> StopAnswer:
    """Stop a run, wherever it is, and return what became of it and of its instance.

    Raises: InstanceNotSeenStoppedError.
    """
    if isinstance(run, KeptRun):
        return stopped_rehearsal(run, was_running=False)
    assert isinstance(run, StackRun)  # noqa: S101 - there are two kinds of place
    was_running = stop_run(run)
    if was_running:
        console.print(f"Run {run.run_id} was ended; the reaper stops its instance now.", soft_wrap=True)
    if isinstance(place, Rehearsals):
        return await_rehearsal_stop(run, place.kept.run(run.run_id), patience, console)
    return await_stop(run, patience, console, was_running=was_running)


def stop_run(run: StackRun) -> bool:
    """End the execution and return whether it was running; a second time changes nothing."""
    if not run.is_running:
        return False
    run.execution.stepfunctions.stop_execution(
        executionArn=run.execution.execution_arn, error="StoppedByOperator", cause="fine-tune-slm stop"
    )
    return True


def stopped_rehearsal(run: KeptRun, *, was_running: bool) -> StopAnswer:
    """Return what is kept of how a rehearsal and its emulated instance ended."""
    timeline, record = run.read_timeline(), run.read_record()
    status = timeline.status if timeline.has_ended else "CUT_OFF"
    if record is None or record.instance is None:
        return StopAnswer(run.run_id, status, was_running)
    return StopAnswer(run.run_id, status, was_running, record.instance.instance_id, record.instance.state)


def await_rehearsal_stop(run: StackRun, kept: KeptRun, patience: Patience, console: Console) -> StopAnswer:
    """Return what became of a rehearsal, whose emulated AWS may be gone before it was seen to stop.

    Raises: InstanceNotSeenStoppedError.
    """
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415 - the command line starts without it

    try:
        return await_stop(run, patience, console, was_running=True)
    except BotoCoreError:
        deadline = patience.clock() + GOODBYE_SECONDS
        while not kept.has_history() and patience.clock() < deadline:
            patience.pause(LOOK_SECONDS)
        return stopped_rehearsal(kept, was_running=True)


def await_stop(run: StackRun, patience: Patience, console: Console, *, was_running: bool) -> StopAnswer:
    """Return what became of the instance, after looking until it is at rest.

    Raises: InstanceNotSeenStoppedError when that takes longer than the patience lasts.
    """
    deadline = patience.clock() + patience.seconds
    told = ""
    while True:
        answer = look(run, was_running=was_running)
        if answer.instance_state != told:
            told = answer.instance_state
            console.print(f"instance {answer.instance_id} is {told}", soft_wrap=True)
        if answer.is_over and answer.status != "RUNNING":
            return answer
        if patience.clock() >= deadline:
            raise InstanceNotSeenStoppedError(
                f"Run {run.run_id} is {answer.status}, but after {patience.seconds:.0f} s instance"
                f" {answer.instance_id} is {told}"
            )
        patience.pause(LOOK_SECONDS)


def look(run: StackRun, *, was_running: bool) -> StopAnswer:
    """Return how run and instance are now."""
    instance_id = run.stack.outputs["InstanceId"]
    answer = run.stack.account.client("ec2").describe_instances(InstanceIds=[instance_id])
    lease = run.stack.lease()
    return StopAnswer(
        run_id=run.run_id,
        status=run.execution.description()["status"],
        was_running=was_running,
        instance_id=instance_id,
        instance_state=str(answer["Reservations"][0]["Instances"][0]["State"]["Name"]),
        holder=lease.run_id if lease.owner_arn else None,
    )
