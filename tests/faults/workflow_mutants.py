"""Mutants of the workflow file: a Catch or a Retry removed, a state left out, a way that leads elsewhere."""

from __future__ import annotations

import json
from typing import Any

from tests.faults.canary import CANARY_TOKEN
from tests.faults.fault import FOREVER, HostFault, HubFault
from tests.faults.mutant_schedules import (
    CALM,
    CORRUPT_ALONE,
    CRASH,
    ENDS,
    NAN_ALONE,
    NO_CAPACITY,
    PUBLISHED,
    REJECTED,
    SECRET,
    STOPPED,
    TWO,
    WORKFLOW_ALONE,
    call,
    host,
    one,
)
from tests.faults.mutation import Change, in_machine, in_workflow, mutants

_REFUSED = json.dumps({"token": CANARY_TOKEN})


def _without(*states: str, part: str) -> Change:
    def edit(found: dict[str, Any]) -> None:
        for state in states:
            del found[state][part]

    return in_workflow(edit)


def _to(state: str, target: str) -> Change:
    return in_workflow(lambda states: states[state].update(Next=target))


def _choice_to(state: str, value: object, target: str) -> Change:
    def edit(states: dict[str, Any]) -> None:
        for choice in states[state]["Choices"]:
            if value in choice.values():
                choice["Next"] = target

    return in_workflow(edit)


def _archived_early(states: dict[str, Any]) -> None:
    states["HowTrainingGoes"]["Default"] = "ArchiveArtifacts"


def _request_kept(states: dict[str, Any]) -> None:
    states["PrepareRun"]["Catch"][0].update(ResultPath="$.failure", Next="StopAfterFailure")


def _catches_to(target: str) -> Change:
    def edit(states: dict[str, Any]) -> None:
        for state in states.values():
            for catch in state.get("Catch", []):
                if catch["Next"] == "StopAfterFailure":
                    catch["Next"] = target

    return in_workflow(edit)


def _unretried(state: str, error: str) -> Change:
    def edit(states: dict[str, Any]) -> None:
        states[state]["Retry"] = [retry for retry in states[state]["Retry"] if error not in retry["ErrorEquals"]]

    return in_workflow(edit)


def _waited_for_without_end(machine: dict[str, Any]) -> None:
    del machine["TimeoutSeconds"]
    for retry in machine["States"]["StartInstance"]["Retry"]:
        if "InstanceCapacityError" in retry["ErrorEquals"]:
            retry["MaxAttempts"] = 99_999_999


WORKFLOW = mutants(
    ("CheckTraining has no Catch", _without("CheckTraining", part="Catch"), STOPPED, (NAN_ALONE,)),
    (
        "StartInstance has no Catch",
        _without("StartInstance", part="Catch"),
        STOPPED,
        (one(call("killed", "StartInstance", "ec2.CreateTags", times=FOREVER), layers=WORKFLOW_ALONE),),
    ),
    ("ArchiveArtifacts has no Catch", _without("ArchiveArtifacts", part="Catch"), STOPPED, (CORRUPT_ALONE,)),
    (
        "CheckTraining has no Retry",
        _without("CheckTraining", part="Retry"),
        ENDS,
        (one(call("unavailable", "CheckTraining", "s3.GetObject")),),
    ),
    ("StopInstance has no Retry", _without("StopInstance", part="Retry"), ENDS, (CALM,)),
    (
        "StopAfterFailure has no Retry",
        _without("StopAfterFailure", part="Retry"),
        STOPPED,
        (
            one(
                HostFault(kind="nan", minute=9),
                call("unavailable", "StopInstance", "ec2.StopInstances"),
                layers=WORKFLOW_ALONE,
            ),
        ),
    ),
    (
        "want of capacity is not retried",
        _unretried("StartInstance", "InstanceCapacityError"),
        ENDS,
        (host("capacity 3", minute=0),),
    ),
    ("capacity is waited for without end", in_machine(_waited_for_without_end), "every execution ends", (NO_CAPACITY,)),
    ("a busy instance is not waited for", _unretried("PrepareRun", "InstanceBusyError"), ENDS, (TWO,)),
    (
        "a silent Hub is not asked again",
        _unretried("PrepareRun", "HubUnavailableError"),
        ENDS,
        (one(HubFault(kind="503")),),
    ),
    ("a relaunch does not start the host", _to("StopBeforeRelaunch", "AwaitTraining"), ENDS, (CRASH,)),
    ("a training that goes on is archived", in_workflow(_archived_early), ENDS, (CALM,)),
    ("a failure skips the stop", _catches_to("RecordFailure"), STOPPED, (NAN_ALONE,)),
    ("a success skips the stop", _to("ArchiveArtifacts", "AssessModel"), STOPPED, (one(layers=WORKFLOW_ALONE),)),
    ("the gate is skipped", _to("StopInstance", "PublishModel"), "a rejected model is never published", (REJECTED,)),
    (
        "the publication is skipped",
        _choice_to("WhetherToPublish", value=True, target="CompleteRun"),
        PUBLISHED,
        (CALM,),
    ),
    ("a refused request is kept", in_workflow(_request_kept), SECRET, (one(execution_input=_REFUSED),)),
    ("the record of a success is skipped", _to("PublishModel", "Succeeded"), "success is recorded", (CALM,)),
)
