"""A stack in moto with the outputs of template.yaml; its state machine runs through states of the workflow's names."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from slm_core.layout import RunKeys, dataset_prefix
from slm_core.records import RunRecord

from fine_tune_slm.desk.stack import StackRuns, runs_of_stack
from fine_tune_slm.naming import stack_name

STAGE = "a-stage"
PARAMETER_ROOT = "/a-stage"
SHA256 = "ab" * 32
PATIENCE_SECONDS = 20.0
WAITS, FAILS = "waits", "fails"
"""Names of runs that wait in AwaitTraining until they are stopped, or fail there."""

MACHINE = {
    "StartAt": "Receive",
    "States": {
        "Receive": {"Type": "Pass", "Next": "PrepareRun"},
        "PrepareRun": {"Type": "Pass", "Next": "HowTrainingGoes"},
        "HowTrainingGoes": {
            "Type": "Choice",
            "Choices": [
                {
                    "And": [
                        {"Variable": "$.run_name", "IsPresent": True},
                        {"Variable": "$.run_name", "StringEquals": WAITS},
                    ],
                    "Next": "AwaitTraining",
                },
                {
                    "And": [
                        {"Variable": "$.run_name", "IsPresent": True},
                        {"Variable": "$.run_name", "StringEquals": FAILS},
                    ],
                    "Next": "RunFailed",
                },
            ],
            "Default": "CompleteRun",
        },
        "AwaitTraining": {"Type": "Wait", "Seconds": 3600, "Next": "CompleteRun"},
        "CompleteRun": {"Type": "Pass", "Next": "Succeeded"},
        "RunFailed": {"Type": "Fail", "Error": "TrainingDivergedError", "Cause": "The loss is no number."},
        "Succeeded": {"Type": "Succeed"},
    },
}
TEMPLATE = {
    "Parameters": {
        name: {"Type": "String"}
        for name in ("StateMachineArn", "InstanceId", "ParameterRoot", "TrainingConfigFile", "BucketName")
    },
    "Resources": {
        "Bucket": {"Type": "AWS::S3::Bucket", "Properties": {"BucketName": {"Ref": "BucketName"}}},
        "LeaseTable": {
            "Type": "AWS::DynamoDB::Table",
            "Properties": {
                "BillingMode": "PAY_PER_REQUEST",
                "KeySchema": [{"AttributeName": "lease_name", "KeyType": "HASH"}],
                "AttributeDefinitions": [{"AttributeName": "lease_name", "AttributeType": "S"}],
            },
        },
        "TrainingLogGroup": {
            "Type": "AWS::Logs::LogGroup",
            "Properties": {"LogGroupName": f"/fine-tune-slm/{STAGE}/training"},
        },
    },
    "Outputs": {
        "StateMachineArn": {"Value": {"Ref": "StateMachineArn"}},
        "BucketName": {"Value": {"Ref": "Bucket"}},
        "InstanceId": {"Value": {"Ref": "InstanceId"}},
        "LeaseTableName": {"Value": {"Ref": "LeaseTable"}},
        "TrainingLogGroupName": {"Value": {"Ref": "TrainingLogGroup"}},
        "ParameterRoot": {"Value": {"Ref": "ParameterRoot"}},
    },
}


@functools.cache
def client_of(service: str) -> Any:
    """Return a client that every test shares: moto answers it from the account of the test that runs."""
    return boto3.client(service, region_name="us-east-1")


class EmulatedStack:
    """The stack, and what tests do to it beside the command line."""

    def __init__(self, instance_id: str) -> None:
        self.instance_id = instance_id
        self.found: StackRuns = runs_of_stack(stack_name(STAGE), self)

    def client(self, service: str) -> Any:
        """Return a client of the account."""
        return client_of(service)

    @property
    def bucket(self) -> str:
        """Return the stack's bucket."""
        return self.found.stack.outputs["BucketName"]

    def start(self, run_id: str, run_name: str = "ends") -> str:
        """Start an execution and return its ARN once it has ended, or waits."""
        arn = self.found.stack.outputs["StateMachineArn"]
        execution_input = json.dumps({"run_name": run_name})
        started = self.client("stepfunctions").start_execution(stateMachineArn=arn, name=run_id, input=execution_input)[
            "executionArn"
        ]
        wanted = "AwaitTraining" if run_name == WAITS else None
        wait_until(lambda: self._has_come_to(run_id, wanted))
        return str(started)

    def stop(self, run_id: str) -> None:
        """Stop an execution and return once it has ended."""
        run = self.found.run(run_id)
        # moto cannot stop what its thread has not begun
        wait_until(lambda: _has_begun(run.execution.execution_arn))
        self.client("stepfunctions").stop_execution(executionArn=run.execution.execution_arn)
        wait_until(lambda: not run.is_running)

    def put(self, key: str, document: Any) -> None:
        """Put a document into the bucket."""
        content = document if isinstance(document, (bytes, str)) else document.model_dump_json()
        self.client("s3").put_object(Bucket=self.bucket, Key=key, Body=content)

    def put_record(self, record: RunRecord, run_id: str, **changes: Any) -> RunRecord:
        """Put a run's record."""
        own = record.model_copy(update={"run_id": run_id} | changes)
        self.put(RunKeys(run_id).record, own)
        return own

    def put_settings(self, **changes: str) -> None:
        """Put what `params init`, the pipeline and `dataset publish` put before a first run."""
        manifest = {"files": {name: {"sha256": SHA256, "records": 100} for name in ("train.jsonl", "validation.jsonl")}}
        self.put(f"{dataset_prefix(SHA256)}manifest.json", json.dumps(manifest))
        values = {
            "instance/id": self.instance_id,
            "storage/bucket": self.bucket,
            "storage/dataset_sha256": SHA256,
            "image/uri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/training:tag",
            "command/document_name": "a-document",
            "command/log_group": "a-log-group",
            "hub/read_token_secret_id": "read",
            "hub/write_token_secret_id": "write",
            "hub/base_model_revision": "c" * 40,
            "hub/publish_repo": "local/Llama-adapter",
        } | changes
        for name, value in values.items():
            self.client("ssm").put_parameter(Name=f"{PARAMETER_ROOT}/{name}", Value=value, Type="String")

    def hold_instance(self, run_id: str, launched_at: datetime | None = None) -> None:
        """Start the instance and give its lease to a run, with a launch if a time is given."""
        self.client("ec2").start_instances(InstanceIds=[self.instance_id])
        lease: dict[str, Any] = {"lease_name": {"S": "gpu-instance"}, "fence": {"N": "1"}, "run_id": {"S": run_id}}
        lease |= {"owner_arn": {"S": self.found.run(run_id).execution.execution_arn}}
        if launched_at is not None:
            launch = {"instance_type": {"S": "g6.2xlarge"}, "launched_at": {"S": launched_at.isoformat()}}
            lease["launches"] = {"M": {launched_at.isoformat(): {"M": launch}}}
        self.client("dynamodb").put_item(TableName=self.found.stack.outputs["LeaseTableName"], Item=lease)

    def stop_instance(self) -> None:
        """Stop the instance, as the reaper does."""
        self.client("ec2").stop_instances(InstanceIds=[self.instance_id])

    def instance_state(self) -> str:
        """Return the instance's state."""
        answer = self.client("ec2").describe_instances(InstanceIds=[self.instance_id])
        return str(answer["Reservations"][0]["Instances"][0]["State"]["Name"])

    def names(self) -> list[str]:
        """Return the run ids of all executions."""
        return [execution["name"] for execution in self.found.executions()]

    def log(self, group: str, stream: str, *lines: str, at: datetime | None = None) -> None:
        """Put lines into CloudWatch Logs."""
        logs = self.client("logs")
        if not logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]:
            logs.create_log_group(logGroupName=group)
        if not logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)["logStreams"]:
            logs.create_log_stream(logGroupName=group, logStreamName=stream)
        now = int((at or datetime.now(UTC)).timestamp() * 1000)
        events = [{"timestamp": now + place, "message": line} for place, line in enumerate(lines)]
        logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    def _has_come_to(self, run_id: str, state: str | None) -> bool:
        timeline = self.found.run(run_id).read_timeline()
        return timeline.has_ended if state is None else timeline.current is not None and timeline.current.name == state


def _has_begun(execution_arn: str) -> bool:
    backend = stepfunctions_parser_backends[DEFAULT_ACCOUNT_ID]["us-east-1"]
    return backend.describe_execution(execution_arn).exec_worker.env is not None


def wait_until(is_so: Callable[[], bool]) -> None:
    """Return once something is so."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it did not come so far"
        time.sleep(0.02)


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmulatedStack]:
    monkeypatch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        deployed = EmulatedStack(_deploy())
        yield deployed
        for execution in deployed.found.executions("RUNNING"):
            deployed.stop(execution["name"])


def _deploy() -> str:
    role = "arn:aws:iam::123456789012:role/states"
    machine = client_of("stepfunctions").create_state_machine(name=STAGE, definition=json.dumps(MACHINE), roleArn=role)
    made = client_of("ec2").run_instances(ImageId="ami-12345678", InstanceType="g6.2xlarge", MinCount=1, MaxCount=1)
    instance_id = str(made["Instances"][0]["InstanceId"])
    client_of("ec2").stop_instances(InstanceIds=[instance_id])
    values = {
        "StateMachineArn": machine["stateMachineArn"],
        "InstanceId": instance_id,
        "ParameterRoot": PARAMETER_ROOT,
        "TrainingConfigFile": "training_config.yml",
        "BucketName": "an-emulated-bucket",
    }
    parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
    client_of("cloudformation").create_stack(
        StackName=stack_name(STAGE), TemplateBody=json.dumps(TEMPLATE), Parameters=parameters
    )
    return instance_id
