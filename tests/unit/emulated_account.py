"""An account in moto with what template.yaml would have made, for the tests of gateways and handlers."""

from __future__ import annotations

import base64
import functools
import hashlib
import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ec2.models import ec2_backends
from slm_core import clock
from slm_core.aws import client
from slm_core.environment import Environment, environment
from slm_core.layout import RunKeys
from slm_core.lease import LEASE_NAME, Lease, LeaseTable, Owner
from slm_core.records import RunRecord, RunSpec
from slm_core.store import ObjectStore
from slm_core.training_config import TrainingConfig, load_training_config

ROOT = Path(__file__).parents[2]
RUN_ID = "run-1"
EXECUTION_ARN = f"arn:aws:states:us-east-1:123456789012:execution:machine:{RUN_ID}"
DATASET_SHA256 = "d" * 64
TYPES = ("g6.2xlarge", "g5.2xlarge")
START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
Request = dict[str, Any]
_numbers = itertools.count()


def a_record(**changes: Any) -> RunRecord:
    """Return the record of a run that succeeded."""
    record = {
        "run_id": RUN_ID, "run_name": "a name", "execution_arn": EXECUTION_ARN, "status": "succeeded",
        "started_at": START, "finished_at": START, "instance": None, "billed_seconds": 3600.0, "cost_usd": 0.9776,
    }  # fmt: skip
    return RunRecord.model_validate(record | changes)


class MovingTime:
    """A clock that stands until a test moves it."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time

    def forward(self, **delta: float) -> None:
        """Move the clock."""
        self.time += timedelta(**delta)


class Account:
    """The emulated account and the run in it."""

    def __init__(self, instance_id: str, time: MovingTime) -> None:
        self.time = time
        self.env: Environment = environment()
        self.instance_id = instance_id
        self.store = ObjectStore(self.env.bucket_name)
        self.leases = LeaseTable(self.env.lease_table)
        self.keys = RunKeys(RUN_ID)

    def secret(self, name: str) -> str:
        """Return the name of a secret of this test's own."""
        return f"{self.env.bucket_name}/{name}"

    def lease(self) -> Lease:
        """Return the lease as it is."""
        return self.leases.read()

    def take_lease(self, run_id: str = RUN_ID, arn: str = EXECUTION_ARN) -> Lease:
        """Take the lease for a run."""
        return self.leases.acquire(Owner(arn=arn, run_id=run_id, instance_id=self.instance_id))

    def prepare(self, **changes: Any) -> dict[str, Any]:
        """Take the lease, write run.json and return the execution's state as PrepareRun leaves it."""
        lease = self.take_lease()
        self.write_spec(lease.fence, **changes)
        return {
            "execution": {"arn": EXECUTION_ARN, "name": RUN_ID, "started_at": START.isoformat()},
            "run": {
                "run_id": RUN_ID,
                "fence": lease.fence,
                "bucket": self.env.bucket_name,
                "run_uri": f"s3://{self.env.bucket_name}/{self.keys.spec}",
                "instance_id": self.instance_id,
                "document_name": "a-document",
                "log_group": "a-log-group",
                "write_token_secret_id": "write-token",
            },
        }

    def write_spec(self, fence: int, **changes: Any) -> RunSpec:
        """Write run.json; changes are sections or, as section__key, keys of them."""
        config = _config().model_dump(mode="json")
        for name, value in changes.items():
            section, _, key = name.partition("__")
            if key:
                config[section][key] = value
            else:
                config[section] = value
        spec = RunSpec.model_validate(
            {
                "run_id": RUN_ID,
                "run_name": "a name",
                "created_at": START,
                "execution_arn": EXECUTION_ARN,
                "fence": fence,
                "bucket": self.env.bucket_name,
                "dataset_sha256": DATASET_SHA256,
                "base_model": {"repo_id": "a/model", "revision": "c" * 40},
                "hub": {
                    "endpoint": "http://127.0.0.1:1",
                    "read_token_secret_id": "r",
                    "publish_repo": "local/Llama-adapter",
                },
                "image": "image:tag",
                "config": config,
                "instance_types": TYPES,
                "resume_from": None,
                "git_commit": "unknown",
            }
        )
        self.put_json(self.keys.spec, spec.model_dump(mode="json"))
        return spec

    def put_json(self, key: str, content: Mapping[str, Any]) -> None:
        """Put a JSON document."""
        self.store.put(key, json.dumps(content).encode())

    def put_outcome(self, status: str, **more: Any) -> None:
        """Put outcome.json as the host would."""
        self.put_json(
            self.keys.outcome,
            {"run_id": RUN_ID, "fence": self.lease().fence, "status": status, **more},
        )

    def put_progress(self, **changes: Any) -> None:
        """Put progress.json as the training would."""
        progress = {"run_id": RUN_ID, "fence": self.lease().fence, "phase": "training", "step": 5, "total_steps": 10}
        self.put_json(self.keys.progress, progress | {"updated_at": self.time().isoformat()} | changes)

    def stage(self, files: Mapping[str, bytes]) -> dict[str, Any]:
        """Put artifacts and their manifest to staging, and return the manifest."""
        manifest = {
            "run_id": RUN_ID,
            "created_at": START.isoformat(),
            "files": [
                {"path": path, "size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
                for path, content in files.items()
            ],
            "provenance": {
                "git_commit": "unknown",
                "config_sha256": "0" * 64,
                "dataset_sha256": DATASET_SHA256,
                "base_model": {"repo_id": "a/model", "revision": "c" * 40},
                "base_model_files": {},
                "image": "image:tag",
                "seed": 1,
                "versions": {},
            },
        }
        for path, content in files.items():
            self.store.put(f"{self.keys.staged_artifacts}{path}", content)
        self.put_json(self.keys.staged_manifest, manifest)
        return manifest

    def state(self) -> str:
        """Return the instance's state."""
        return self.describe()["State"]["Name"]

    def describe(self) -> dict[str, Any]:
        """Return the instance as EC2 tells it."""
        return client("ec2").describe_instances(InstanceIds=[self.instance_id])["Reservations"][0]["Instances"][0]


def metrics_json(macro_f1: float = 0.9, **changes: Any) -> bytes:
    """Return metrics.json of a model that meets the gate unless changed."""
    interval = {"low": 0.0, "high": 1.0}
    after = {
        "samples": 8,
        "macro_f1": macro_f1,
        "macro_f1_interval": interval,
        "micro_f1": macro_f1,
        "record_exact": 0.5,
        "json_valid": 1.0,
        "ungrounded_rate": 0.0,
        "fields": {"stage": {"precision": 0.9, "recall": 0.9, "f1": 0.9, "f1_interval": interval}},
        "seconds": 1.0,
    } | changes
    training = dict.fromkeys(("steps", "resumed_from_step", "samples_seen", "tokens_seen", "peak_memory_bytes"), 1)
    training |= {"first_loss": 1.0, "last_loss": 0.1, "seconds": 1.0, "padding_share": 0.0}
    training |= {"trainable_parameters": 1, "device": "cpu"}
    content = {"run_id": RUN_ID, "validation_sha256": "0" * 64, "before": None, "after": after, "training": training}
    return json.dumps(content).encode()


def store_settings(account: Account, without: Sequence[str] = (), **changes: str) -> None:
    """Put every parameter that a run needs, but for some, below the account's root."""
    values = {
        "instance/id": account.instance_id,
        "storage/bucket": account.env.bucket_name,
        "storage/dataset_sha256": DATASET_SHA256,
        "image/uri": "123456789012.dkr.ecr.us-east-1.amazonaws.com/training:tag",
        "command/document_name": "a-document",
        "command/log_group": "a-log-group",
        "hub/read_token_secret_id": account.secret("read"),
        "hub/write_token_secret_id": account.secret("write"),
        "hub/base_model_revision": "c" * 40,
        "hub/publish_repo": "local/Llama-adapter",
    } | changes
    for name, value in values.items():
        if name not in without:
            client("ssm").put_parameter(Name=f"{account.env.parameter_root}/{name}", Value=value, Type="String")


def refusing(service: str, operations: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let calls of a service fail with an error code of AWS, by operation name."""

    def refusal(operation: str) -> Callable[[Request], Any]:
        def refuse(_request: Request) -> Any:
            raise aws_error(operations[operation], operation)

        return refuse

    answering(service, {operation: refusal(operation) for operation in operations}, monkeypatch)


def answering(service: str, answers: Mapping[str, Callable[[Request], Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let operations that moto lacks or cannot vary be answered by a function of the request."""
    real = client(service)._make_api_call

    def call(operation: str, request: Request) -> Any:
        return answers[operation](request) if operation in answers else real(operation, request)

    monkeypatch.setattr(client(service), "_make_api_call", call)


def aws_error(code: str, operation: str = "Operation", status: int = 400) -> ClientError:
    """Return an error as botocore raises it."""
    response = {"Error": {"Code": code, "Message": "names account 123456789012"}}
    return ClientError({**response, "ResponseMetadata": {"HTTPStatusCode": status}}, operation)  # type: ignore[typeddict-item]


def checksum(content: bytes) -> str:
    """Return a SHA-256 as S3 writes it."""
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


@pytest.fixture(scope="module")
def _instance_id() -> Iterator[str]:
    """moto and an instance for a whole module: starting both takes longer than a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
        with mock_aws():
            _make_table()
            made = client("ec2").run_instances(ImageId="ami-12345678", InstanceType=TYPES[0], MinCount=1, MaxCount=1)
            yield made["Instances"][0]["InstanceId"]


def _make_table() -> None:
    client("dynamodb").create_table(
        TableName="lease",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "lease_name", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "lease_name", "AttributeType": "S"}],
    )


@functools.cache
def _config() -> TrainingConfig:
    return load_training_config(ROOT / "config" / "training_config.yml")


def _put_back(instance_id: str) -> None:
    backend = ec2_backends[DEFAULT_ACCOUNT_ID]["us-east-1"]
    backend.stop_instances([instance_id])
    backend.modify_instance_attribute(instance_id, "instance_type", TYPES[0])


@pytest.fixture
def account(_instance_id: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    """An account with a stopped instance, an empty bucket and a free lease, at a time that stands still."""
    number = next(_numbers)
    _put_back(_instance_id)
    variables = {
        "PARAMETER_ROOT": f"/test-{number}",
        "BUCKET_NAME": f"an-emulated-bucket-{number}",
        "LEASE_TABLE": "lease",
        "CONFIG_DIR": str(ROOT / "config"),
        "HOST_FILES_DIR": str(ROOT / "host"),
        "TRAINING_CONFIG_FILE": "training_config.yml",
        "HF_ENDPOINT": "http://127.0.0.1:1",
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    client("s3").create_bucket(Bucket=variables["BUCKET_NAME"])
    client("dynamodb").delete_item(TableName="lease", Key={"lease_name": {"S": LEASE_NAME}})
    time = MovingTime()
    with clock.use(time):
        yield Account(_instance_id, time)
