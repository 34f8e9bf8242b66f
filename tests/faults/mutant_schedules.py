"""What the mutants are played against: the promises by name, and the schedules that bring each of them into play."""

from __future__ import annotations

from typing import Any

from tests.faults.fault import (
    FOREVER,
    CallFault,
    Fault,
    FunctionFault,
    HostFault,
    Layers,
    RunPlan,
    Schedule,
    WorkflowFault,
)
from tests.faults.tiers import LAYERS_ALONE, LONG_STEPS, TWO_RUNS

WORKFLOW_ALONE, REAPER_ALONE, SWEEPER_ALONE, GUARD_ALONE = LAYERS_ALONE

STOPPED = "the instance is stopped in time"
SPARED = "a healthy leased run is never stopped"
FENCED = "one fence acts at a time"
ENDS = "a run ends as its plan says when nothing worse than a passing fault meets it"
LIMITS = "the instance runs no longer than the run's limits"
SECRET = "no token and no clinical text is seen anywhere"
ARCHIVED = "the archive is absent or complete"
PUBLISHED = "success means published"
RECORDED = "a failed run's record names its error"
OUTLIVED = "no instance outlives its run's lease"
REVISION = "the Hub's main is the old or the complete new revision"
POINTED = "the pointer names archived releases that main holds"
TOLD = "a run that did not succeed is told of"
REPEATED = "repeating a run id changes nothing"
LOST = "lost work is at most a checkpoint interval and two minutes"
RETURNED = "an hour after the last run the lease is free"


def one(*faults: Fault, layers: Layers | None = None, **plan: Any) -> Schedule:
    """Return a schedule of one run."""
    return Schedule(faults=faults, layers=layers or Layers(), runs=(RunPlan(name="a", **plan),))


def host(*kinds: str, minute: float = 9, layers: Layers | None = None) -> Schedule:
    """Return a schedule of one run whose host meets these at a minute, 9 in the middle of its training."""
    return one(*(HostFault(kind=kind, minute=minute) for kind in kinds), layers=layers)


def call(kind: str, function: str, operation: str, **more: Any) -> CallFault:
    """Return a call that goes wrong."""
    return CallFault(kind=kind, function=function, operation=operation, **more)


TRAINING_EVENT = 100
ABORTED = WorkflowFault(kind="aborted", event=TRAINING_EVENT)
# StartInstance begins in the first second and pauses for twenty
ABORTED_IN_START = HostFault(kind="aborted", minute=0.1)
CALM, LONG = Schedule(), one(steps=600)
TWO = Schedule(runs=TWO_RUNS)
REJECTED = one(f1=0.3)
AGAIN = Schedule(repeats=True)
NAN, NAN_ALONE = host("nan"), host("nan", layers=WORKFLOW_ALONE)
CRASH, HANG = host("crash"), host("hang", layers=WORKFLOW_ALONE)
CORRUPT, CORRUPT_ALONE = host("corrupt", minute=0), host("corrupt", minute=0, layers=WORKFLOW_ALONE)
HALF_HOUR = '{"max_hours": 0.5}'
LATE_EVENT = Schedule(runs=TWO_RUNS, faults=(ABORTED, WorkflowFault(kind="event late")))
LATE_START = Schedule(
    faults=(
        ABORTED_IN_START,
        call("pause", "StartInstance", "ec2.StartInstances"),
    ),
    layers=REAPER_ALONE,
)
LATE_FUNCTION = Schedule(
    runs=(RunPlan(name="a"), RunPlan(name="b", after_minutes=0.15)),
    faults=(
        ABORTED_IN_START,
        call("pause", "StartInstance", "dynamodb.UpdateItem"),
    ),
)
SILENT_STOP = one(
    FunctionFault(kind="Lambda.Unknown", function="StopInstance", times=FOREVER),
    layers=Layers(reaper=False, guard=False),
    execution_input=HALF_HOUR,
    steps=900,
)
TAKEN_OVER = Schedule(
    runs=TWO_RUNS,
    faults=(ABORTED, call("denied", "StartInstance", "dynamodb.UpdateItem", occurrence=7, times=FOREVER)),
    layers=WORKFLOW_ALONE,
)
OVERDUE = one(HostFault(kind="aborted", minute=15), layers=GUARD_ALONE, execution_input=HALF_HOUR, steps=14_000)
UNHEARD = one(WorkflowFault(kind="aborted", event=40), layers=GUARD_ALONE)
AFTER_A_RELEASE, AFTER_A_BETTER = Schedule(earlier_f1=0.85), Schedule(earlier_f1=0.95)
RESUMED = Schedule(
    faults=(HostFault(kind="aborted", minute=25),),
    runs=(
        RunPlan(name="a", steps=LONG_STEPS),
        RunPlan(name="b", after_minutes=45, steps=LONG_STEPS, resumes="a"),
    ),
)
NO_CAPACITY = one(call("capacity", "StartInstance", "ec2.StartInstances", times=FOREVER))
TEN_HOURS = one(execution_input='{"max_hours": 12, "budget_usd": 40}', steps=1200, seconds_per_step=30)
ARCHIVED_ONLY = one(execution_input='{"publish": false}')
# a training that goes on, under an execution that does not
STILL = one(HostFault(kind="still", minute=9), layers=Layers(guard=False), steps=900)
