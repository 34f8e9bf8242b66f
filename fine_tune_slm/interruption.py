"""Ctrl-C or SIGTERM during a rehearsal: stop the execution, see that the instance stops, say what still runs."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from slm_core.records import RunRecord

from fine_tune_slm.watch import WatchedExecution

if TYPE_CHECKING:
    from fine_tune_slm.localcloud import LocalCloud

PATIENCE_SECONDS = 40.0
POLL_SECONDS = 0.5
STOPPED_UNSEEN = (
    "Ctrl-C ended the waiting too: the instance was not seen stopped; it is emulated, and ended with its emulated AWS."
)
STOPPED = {"stopped", "terminated"}


@contextmanager
def termination_as_ctrl_c() -> Iterator[None]:
    """Let SIGTERM do inside the block what Ctrl-C does: without it the emulated instance would outlive this process."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def stop_execution(cloud: LocalCloud, execution: WatchedExecution, instance_id: str, console: Console) -> str:
    """Stop the execution and the instance, see both recorded, and return what became of them.

    A second Ctrl-C ends the waiting.
    """
    try:
        return _stop_execution(cloud, execution, instance_id, console)
    except KeyboardInterrupt:
        return STOPPED_UNSEEN


def _stop_execution(cloud: LocalCloud, execution: WatchedExecution, instance_id: str, console: Console) -> str:
    console.print("[yellow]Interrupted: stopping the execution; its instance is stopped next.[/]")
    execution.stepfunctions.stop_execution(
        executionArn=execution.execution_arn, error="Interrupted", cause="Ctrl-C or SIGTERM"
    )
    deadline = time.monotonic() + PATIENCE_SECONDS
    state = _instance_state(cloud, instance_id)
    while state not in STOPPED and time.monotonic() < deadline:
        if state == "running":
            cloud.client("ec2").stop_instances(InstanceIds=[instance_id])
        time.sleep(POLL_SECONDS)
        state = _instance_state(cloud, instance_id)
    # the reaper's first look saw the instance stop, not stopped
    cloud.hasten_events()
    while not is_at_rest(execution.record()) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
    status = execution.description()["status"]
    return f"The execution is {status}, the instance {state}. Nothing of run {execution.run_id} goes on."


def is_at_rest(record: RunRecord | None) -> bool:
    """Return whether a run's record tells that nothing of it goes on; the reaper writes it of an aborted one."""
    return record is not None and (record.instance is None or record.instance.state not in {"running", "stopping"})


def _instance_state(cloud: LocalCloud, instance_id: str) -> str:
    answer = cloud.client("ec2").describe_instances(InstanceIds=[instance_id])
    return str(answer["Reservations"][0]["Instances"][0]["State"]["Name"])
