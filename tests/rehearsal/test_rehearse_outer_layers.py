"""Reaper and sweeper as deployed: under their own roles, told by rule and schedule, they stop what nobody stopped."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from slm_core.records import RunRecord

from fine_tune_slm.localcloud import LocalCloudSettings

PATIENCE_SECONDS = 60


def wait_for(claim: Callable[[], Any]) -> Any:
    """Return the claim's value once it is true."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (value := claim()):
        assert time.monotonic() < end, "did not become true in time"
        time.sleep(0.2)
    return value


def state_of(tiny_stage) -> str:
    return tiny_stage.instance()["State"]["Name"]


def log_of(tiny_stage, function: str) -> str:
    file = tiny_stage.cloud.root / "logs" / "lambda" / f"fine-tune-slm-prod-{function}.log"
    return file.read_text(encoding="utf-8") if file.exists() else ""


def record_of(tiny_stage, run_id: str) -> RunRecord | None:
    s3 = tiny_stage.cloud.client("s3")
    try:
        found = s3.get_object(Bucket=tiny_stage.stage.bucket, Key=f"runs/{run_id}/record.json")
    except s3.exceptions.NoSuchKey:
        return None
    return RunRecord.model_validate_json(found["Body"].read())


@pytest.fixture(scope="module")
def tiny_settings(tiny_settings: LocalCloudSettings) -> LocalCloudSettings:
    """An emulated AWS in which ten minutes between two sweeps are twelve seconds."""
    return tiny_settings.model_copy(update={"wait_scale": 0.02})


@pytest.fixture
def lease(tiny_stage) -> Callable[[], dict[str, Any]]:
    """A function that returns the lease as it lies in the table."""
    table, key = tiny_stage.stage.outputs["LeaseTableName"], {"lease_name": {"S": "gpu-instance"}}
    dynamodb = tiny_stage.cloud.client("dynamodb")
    return lambda: dynamodb.get_item(TableName=table, Key=key)["Item"]


def test_an_aborted_execution_is_reaped(tiny_stage, lease):
    states, run_id = tiny_stage.cloud.client("stepfunctions"), "aborted"
    machine = tiny_stage.stage.outputs["StateMachineArn"]
    arn = states.start_execution(stateMachineArn=machine, name=run_id, input="{}")["executionArn"]
    wait_for(lambda: state_of(tiny_stage) == "running")
    wait_for(lambda: "launches" in lease() and lease()["launches"]["M"])
    states.stop_execution(executionArn=arn)
    wait_for(lambda: "owner_arn" not in lease())
    assert state_of(tiny_stage) == "stopped"
    record = wait_for(lambda: record_of(tiny_stage, run_id))
    assert (record.status, record.failure.error) == ("failed", "ExecutionAbortedError")
    assert record.instance.state == "stopped"
    wait_for(lambda: "step done" in log_of(tiny_stage, "reap-run"))
    assert "notice not sent" not in log_of(tiny_stage, "reap-run")


def test_an_instance_that_somebody_started_by_hand_is_swept(tiny_stage):
    assert state_of(tiny_stage) == "stopped"
    # as after an earlier run: until there was one, a running instance is taken for its own first boot
    instance_id = tiny_stage.stage.outputs["InstanceId"]
    used = {"lease_name": {"S": "gpu-instance"}, "fence": {"N": "7"}, "instance_id": {"S": instance_id}}
    tiny_stage.cloud.client("dynamodb").put_item(TableName=tiny_stage.stage.outputs["LeaseTableName"], Item=used)
    tiny_stage.cloud.client("ec2").start_instances(InstanceIds=[instance_id])
    wait_for(lambda: state_of(tiny_stage) == "running")
    wait_for(lambda: state_of(tiny_stage) == "stopped")
    log = wait_for(lambda: log_of(tiny_stage, "sweep-instances"))
    assert "SweeperRan" in log
    assert "notice not sent" not in log
