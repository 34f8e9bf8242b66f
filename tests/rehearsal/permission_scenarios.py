"""Five scenarios on one stage, between them every call that the roles of the stack are meant for."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fine_tune_slm.localcloud.fleet.fleet import StartFault

if TYPE_CHECKING:
    from tests.rehearsal.conftest import TinyStage

PATIENCE_SECONDS = 240
LEASE = {"lease_name": {"S": "gpu-instance"}}


def wait_for(claim: Callable[[], Any]) -> Any:
    """Return the claim's value once it is true."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (value := claim()):
        assert time.monotonic() < end, "did not become true in time"
        time.sleep(0.1)
    return value


def refused_for_its_dataset(stage: TinyStage) -> None:
    """The dataset that the settings name is not in the bucket: refused before anything starts."""
    s3, bucket = stage.cloud.client("s3"), stage.stage.bucket
    key = stage.stage.dataset_uri.removeprefix(f"s3://{bucket}/") + "manifest.json"
    kept = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    s3.delete_object(Bucket=bucket, Key=key)
    result = stage.run("no-dataset")
    s3.put_object(Bucket=bucket, Key=key, Body=kept)
    assert (result.timeline.status, result.card.error) == ("FAILED", "DatasetMissingError")


def published_in_spite_of_everything(stage: TinyStage) -> None:
    """A lease nobody gave back, an instance that runs already, a type without capacity: published all the same."""
    ended = stage.stage.outputs["StateMachineArn"].replace(":stateMachine:", ":execution:") + ":long-ago"
    forgotten = {**LEASE, "fence": {"N": "7"}, "owner_arn": {"S": ended}, "run_id": {"S": "long-ago"}}
    stage.cloud.client("dynamodb").put_item(TableName=stage.stage.outputs["LeaseTableName"], Item=forgotten)
    stage.cloud.client("ec2").start_instances(InstanceIds=[stage.stage.outputs["InstanceId"]])
    wait_for(lambda: stage.instance()["State"]["Name"] == "running")
    stage.cloud.fleet.start_faults.append(StartFault("InsufficientInstanceCapacity"))
    result = stage.run("published")
    assert result.timeline.status == "SUCCEEDED", result.card
    assert result.record.hub_revision


def failed_before_the_training(stage: TinyStage) -> None:
    """The time is over before the instance is ready: the workflow stops what it has started."""
    result = stage.run("failed", json.dumps({"max_hours": 0.0003}))
    assert (result.timeline.status, result.card.error) == ("FAILED", "DeadlineExceededError")


def lost_twice_and_aborted(stage: TinyStage) -> None:
    """Started by the schedule; the host is lost as it boots and again in training; a person aborts what is left."""
    arn = stage.cloud.fire_schedule("fine-tune-slm-prod-schedule")
    instance_id = stage.stage.outputs["InstanceId"]
    wait_for(lambda: entered(stage, arn, "CheckInstance") and stage.cloud.fleet.boot_of(instance_id))
    stage.cloud.fleet.crash(instance_id)
    wait_for(lambda: entered(stage, arn, "CheckTraining"))
    stage.cloud.fire_schedule("fine-tune-slm-prod-sweep")  # spares it: its owner runs
    stage.cloud.fleet.crash(instance_id)
    wait_for(lambda: entered(stage, arn, "StopBeforeRelaunch") == 2)
    wait_for(lambda: stage.instance()["State"]["Name"] == "running")
    stage.cloud.client("stepfunctions").stop_execution(executionArn=arn)
    wait_for(lambda: not is_leased(stage))
    wait_for(lambda: stage.instance()["State"]["Name"] == "stopped")


def swept_after_a_start_by_hand(stage: TinyStage) -> None:
    """Nobody's instance runs: the sweeper stops it."""
    stage.cloud.client("ec2").start_instances(InstanceIds=[stage.stage.outputs["InstanceId"]])
    wait_for(lambda: stage.instance()["State"]["Name"] == "running")
    stage.cloud.fire_schedule("fine-tune-slm-prod-sweep")
    wait_for(lambda: stage.instance()["State"]["Name"] == "stopped")


SCENARIOS = (
    refused_for_its_dataset,
    published_in_spite_of_everything,
    failed_before_the_training,
    lost_twice_and_aborted,
    swept_after_a_start_by_hand,
)


def entered(stage: TinyStage, execution_arn: str, state: str) -> int:
    """Return how often an execution entered a state."""
    events = stage.cloud.events(execution_arn)
    return [event.get("stateEnteredEventDetails", {}).get("name") for event in events].count(state)


def is_leased(stage: TinyStage) -> bool:
    """Return whether a run holds the instance; the reaper gives it back when it has seen it stopped."""
    table = stage.stage.outputs["LeaseTableName"]
    return "owner_arn" in stage.cloud.client("dynamodb").get_item(TableName=table, Key=LEASE)["Item"]
