"""Which schedules a campaign plays: every single fault, pairs on critical calls, random ones, and each layer alone."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from tests.faults.fault import (
    FOREVER,
    CallFault,
    Fault,
    FunctionFault,
    HostFault,
    HubFault,
    Layers,
    RunPlan,
    Schedule,
    SettingFault,
    WorkflowFault,
)
from tests.faults.injection import EXIT_CODES, STATUS_DETAILS

Calls = Mapping[tuple[str, str], int]
ANYWHERE = ("throttled", "unavailable", "internal", "denied", "timed out", "killed", "pause")
ALSO: Mapping[str, tuple[str, ...]] = {
    "s3.PutObject": ("slow down", "conflict", "precondition"),
    "s3.GetObject": ("slow down",),
    "s3.CopyObject": ("slow down", "error in 200"),
    "ec2.StartInstances": ("capacity", "quota", "unsuitable", "changing", "protected"),
    "ec2.StopInstances": ("changing", "protected"),
    "ec2.ModifyInstanceAttribute": ("unsuitable", "changing"),
    "ec2.DescribeInstances": ("stale",),
    "ec2.DescribeInstanceStatus": ("stale",),
    "ssm.SendCommand": ("unregistered",),
}
CRITICAL = (
    "ec2.StartInstances",
    "ec2.StopInstances",
    "ec2.DescribeInstances",
    "dynamodb.UpdateItem",
    "dynamodb.GetItem",
    "ssm.SendCommand",
    "s3.PutObject",
    "states.DescribeExecution",
)
FUNCTION_KINDS = (
    "Lambda.ServiceException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "killed at once",
    "slow",
)
HUB_CODES = ("401", "403", "404", "409", "412", "429", "500", "503", "broken")
HUB_LASTING = ("401", "403", "404", "503")
POLLED = ("unavailable", "denied", "killed")
HOST_KINDS = (
    "crash",
    "reboot",
    "stopped",
    "started",
    "retagged",
    "untagged",
    "impaired",
    "agent dead",
    "metadata silent",
    "torn",
    "unstaged",
    "hang",
    "oom",
    "nan",
    "disk full",
    "chatty",
    "capacity 1",
    "capacity 3",
    "scarce",
    "corrupt",
    "twice",
    "still",
    *(f"exit {code}" for code in EXIT_CODES),
    *(f"command {details}" for details in STATUS_DETAILS),
)
HOST_MINUTES = (0, 1.5, 4, 10, 18, 24)
SETTINGS: tuple[SettingFault, ...] = (
    SettingFault(kind="parameter missing", name="instance/id"),
    SettingFault(kind="parameter missing", name="storage/dataset_sha256"),
    SettingFault(kind="parameter malformed", name="storage/dataset_sha256"),
    SettingFault(kind="parameter malformed", name="hub/base_model_revision"),
    SettingFault(kind="secret missing", name="write"),
    SettingFault(kind="secret empty", name="read"),
    SettingFault(kind="secret rotated", name="write"),
    SettingFault(kind="clock skew", name="90"),
    SettingFault(kind="clock skew", name="-90"),
)
ENDINGS = ("aborted", "timed out", "runtime error")
EVENT_KINDS = ("event lost", "event twice", "event late")
LAYERS_ALONE = (
    Layers(reaper=False, sweeper=False, guard=False),
    Layers(workflow=False, sweeper=False, guard=False),
    Layers(workflow=False, reaper=False, guard=False),
    Layers(workflow=False, reaper=False, sweeper=False),
)
TWO_RUNS = (RunPlan(name="a"), RunPlan(name="b", after_minutes=6))
SECOND_STARTS_MINUTES = (0, 0.05, 0.5, 1, 2, 4, 8, 12, 16, 17, 18, 20)
# before the training begins, before and after its first checkpoint, and after its second
ABORTED_MINUTES, LONG_STEPS = (1, 10, 18, 30), 240
EVERY_REPEATED = 8
# a run reaches 0.9 and is rejected beside the last
EARLIER_F1 = (*[None] * 12, 0.85, 0.85, 0.9, 0.95)


def kinds_of(operation: str) -> tuple[str, ...]:
    """Return the faults that a call may meet."""
    return ANYWHERE + ALSO.get(operation, ())


def single_faults(calls: Calls, events: int, hub_requests: int) -> Iterator[Schedule]:
    """Yield every single fault on every call, function, host, event, request to the Hub and setting."""
    for fault in itertools.chain(
        _on_calls(calls), _on_functions(calls), _on_the_hub(hub_requests), SETTINGS, _on_the_host(), _endings(events)
    ):
        yield Schedule(faults=(fault,))
    for kind in EVENT_KINDS:
        yield Schedule(faults=(WorkflowFault(kind="aborted", event=events // 2), WorkflowFault(kind=kind)))


def _on_calls(calls: Calls) -> Iterator[Fault]:
    for (function, operation), count in sorted(calls.items()):
        for kind in kinds_of(operation):
            yield CallFault(kind=kind, function=function, operation=operation)
            for occurrence in sorted({2, count} if count > 1 and kind in POLLED else ()):
                yield CallFault(kind=kind, function=function, operation=operation, occurrence=occurrence)
            yield CallFault(kind=kind, function=function, operation=operation, times=FOREVER)
        for kind in ("unavailable", "timed out", "killed"):
            yield CallFault(kind=kind, function=function, operation=operation, is_after=True)


def _on_functions(calls: Calls) -> Iterator[Fault]:
    for function in sorted({function for function, _ in calls}):
        for kind in FUNCTION_KINDS:
            yield FunctionFault(kind=kind, function=function)
            yield FunctionFault(kind=kind, function=function, occurrence=2, times=3)
        for kind in ("Lambda.Unknown", "slow"):
            yield FunctionFault(kind=kind, function=function, times=FOREVER)


def _on_the_hub(requests: int) -> Iterator[Fault]:
    for number, code in itertools.product(range(1, requests + 1), HUB_CODES):
        yield HubFault(kind=code, occurrence=number)
        if code in HUB_LASTING:
            yield HubFault(kind=code, occurrence=number, times=FOREVER)
    for number in range(1, requests + 1):
        for code in ("500", "broken"):
            yield HubFault(kind=code, occurrence=number, is_after=True)


def _on_the_host() -> Iterator[Fault]:
    for kind, minute in itertools.product(HOST_KINDS, HOST_MINUTES):
        yield HostFault(kind=kind, minute=minute)


def _endings(events: int) -> Iterator[Fault]:
    for event in range(2, events):
        yield WorkflowFault(kind="aborted", event=event)
    for kind, event in itertools.product(ENDINGS[1:], range(3, events, 7)):
        yield WorkflowFault(kind=kind, event=event)


def pairs(calls: Calls, seed: int, count: int) -> Iterator[Schedule]:
    """Yield pairs of faults on the critical calls, a sample of all of them."""
    stream = random.Random(f"pairs {seed}")  # noqa: S311 - reproducible on purpose
    critical = [(function, operation) for function, operation in sorted(calls) if operation in CRITICAL]
    for number in range(count):
        faults = tuple(_call_fault(stream, stream.choice(critical)) for _ in range(2))
        yield Schedule(seed=seed + number, faults=faults)


def random_schedules(calls: Calls, events: int, seed: int, count: int) -> Iterator[Schedule]:
    """Yield schedules of one to six faults; one in five has a second execution."""
    for number in range(count):
        stream = random.Random(f"random {seed} {number}")  # noqa: S311 - reproducible on purpose
        faults = tuple(_any_fault(stream, calls, events) for _ in range(stream.randint(1, 6)))
        runs = TWO_RUNS if stream.random() < 0.2 else (RunPlan(name="a"),)
        yield Schedule(seed=seed + number, faults=faults, runs=runs)


def interleaved(events: int) -> Iterator[Schedule]:
    """Yield two executions whose starts lie closer and farther, with nothing wrong, or one thing in the first.

    At the end the second one continues the first, which was aborted.
    """
    befallen: tuple[tuple[Fault, ...], ...] = (
        (),
        *((HostFault(kind=kind, minute=9),) for kind in ("crash", "nan", "hang", "started", "stopped")),
        (WorkflowFault(kind="aborted", event=events // 2),),
        (WorkflowFault(kind="aborted", event=events // 2), WorkflowFault(kind="event late")),
        *((FunctionFault(kind="slow", function=function),) for function in ("StartInstance", "StopInstance")),
    )
    for minutes, faults in itertools.product(SECOND_STARTS_MINUTES, befallen):
        yield Schedule(faults=faults, runs=(RunPlan(name="a"), RunPlan(name="b", after_minutes=minutes)))
    for minute in ABORTED_MINUTES:
        resumed = RunPlan(name="b", after_minutes=45, steps=LONG_STEPS, resumes="a")
        yield Schedule(
            faults=(HostFault(kind="aborted", minute=minute),), runs=(RunPlan(name="a", steps=LONG_STEPS), resumed)
        )


def some_repeated(schedules: Iterable[Schedule]) -> list[Schedule]:
    """Return the schedules; in some the run's id is used again when all is over."""
    return [
        schedule.model_copy(update={"repeats": number % EVERY_REPEATED == 0})
        for number, schedule in enumerate(schedules)
    ]


def some_after_a_release(schedules: Iterable[Schedule]) -> list[Schedule]:
    """Return the schedules; one in four begins with a published release, and one in sixteen with a better one."""
    return [
        # not every fourth: a sample of every fortieth would then hold all of them or none
        schedule.model_copy(update={"earlier_f1": random.Random(f"earlier {number}").choice(EARLIER_F1)})  # noqa: S311
        for number, schedule in enumerate(schedules)
    ]


def layers_alone(events: int) -> Iterator[Schedule]:
    """Yield failures with one layer on: a failing step for the workflow's own, an end from outside for the others."""
    for fault in _failures_inside():
        yield Schedule(faults=(fault,), layers=LAYERS_ALONE[0])
    for layers, event in itertools.product(LAYERS_ALONE[1:], range(5, events, 9)):
        for kind in ENDINGS[:2]:
            yield Schedule(faults=(WorkflowFault(kind=kind, event=event),), layers=layers)


def _failures_inside() -> Iterator[Fault]:
    for kind in ("nan", "oom", "hang", "exit 1", "disk full", "chatty"):
        yield HostFault(kind=kind, minute=9)
    for function in ("StartInstance", "CheckInstance", "StartTraining", "CheckTraining", "ArchiveArtifacts"):
        yield FunctionFault(kind="Lambda.Unknown", function=function, times=FOREVER)
        yield FunctionFault(kind="slow", function=function, times=FOREVER)


def _any_fault(stream: random.Random, calls: Calls, events: int) -> Fault:
    place = stream.choices(("call", "function", "host", "workflow", "hub", "setting"), (45, 12, 25, 8, 7, 3))[0]
    if place == "call":
        return _call_fault(stream, stream.choice(sorted(calls)))
    if place == "function":
        function = stream.choice(sorted({function for function, _ in calls}))
        kind, times = stream.choice(FUNCTION_KINDS), stream.choice((1, 1, 2, 4))
        return FunctionFault(kind=kind, function=function, occurrence=stream.randint(1, 6), times=times)
    if place == "host":
        return HostFault(kind=stream.choice(HOST_KINDS), minute=round(stream.uniform(0, 40), 1))
    if place == "workflow":
        kind = stream.choice((*ENDINGS, *EVENT_KINDS))
        return WorkflowFault(kind=kind, event=stream.randint(2, events))
    if place == "hub":
        code = stream.choice(HUB_CODES)
        occurrence, times = stream.randint(1, 14), stream.choice((1, 2, FOREVER))
        return HubFault(kind=code, occurrence=occurrence, times=times, is_after=stream.random() < 0.3)
    return stream.choice(SETTINGS)


def _call_fault(stream: random.Random, call: tuple[str, str]) -> CallFault:
    function, operation = call
    return CallFault(
        kind=stream.choice(kinds_of(operation)),
        function=function,
        operation=operation,
        occurrence=stream.choice((1, 1, 1, 2, 3, 5, 9)),
        times=stream.choice((1, 1, 2, 5, FOREVER)),
        is_after=stream.random() < 0.35,
    )


def shrink(schedule: Schedule, still_fails: Callable[[Schedule], bool]) -> Schedule:
    """Return the smallest part of a failing schedule that still fails."""
    for index in range(len(schedule.faults)):
        faults = schedule.faults[:index] + schedule.faults[index + 1 :]
        smaller = schedule.model_copy(update={"faults": faults})
        if still_fails(smaller):
            return shrink(smaller, still_fails)
    return schedule


def merged(counts: Sequence[Counter[tuple[str, str]]]) -> Counter[tuple[str, str]]:
    """Return the calls seen in several plays, each with its largest count."""
    largest: Counter[tuple[str, str]] = Counter()
    for count in counts:
        largest |= count
    return largest
