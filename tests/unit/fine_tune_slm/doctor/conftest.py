"""An emulated account in which everything is right, so that each test can spoil one thing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from slm_core.aws import client
from slm_core.settings import load_setting_specs

from fine_tune_slm.doctor.context import Context, Occasion, Request
from fine_tune_slm.doctor.finding import Finding
from fine_tune_slm.localcloud.hub.server import LocalHub
from tests.unit.emulated_account import (
    DATASET_SHA256,
    ROOT,
    START,
    Account,
    _instance_id,
    account,
    answering,
    checksum,
    store_settings,
)

__all__ = ["_instance_id", "account"]
STACK = "a-stack"
BASE_MODEL, PUBLISH_REPO = "meta-llama/Llama-3.1-8B-Instruct", "local/Llama-adapter"
SCHEDULE = "a-stack-sweep"
ROLE_ARN = "arn:aws:iam::123456789012:role/a-role"
REGISTRY = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
QUOTA_VCPUS = 8


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalHub]:
    """A local Hub with the gated base model."""
    model = tmp_path_factory.mktemp("model")
    (model / "config.json").write_text("{}", encoding="utf-8")
    served = LocalHub(tmp_path_factory.mktemp("hub"))
    served.add_model(BASE_MODEL, model)
    yield served
    served.close()


class World:
    """The account, the Hub and the checkout, as the doctor sees them."""

    def __init__(self, account: Account, hub: LocalHub, patch: pytest.MonkeyPatch, root: Path) -> None:
        self.account, self.hub, self.patch, self.root = account, hub, patch, root
        self.environment = {
            "HF_ENDPOINT": hub.endpoint,
            "TRAINING_CONFIG_FILE": "training_config.yml",
            "POWERTOOLS_METRICS_NAMESPACE": "FineTuneSlm",
            "POWERTOOLS_SERVICE_NAME": account.env.bucket_name,
        }
        self.stack = {"StackStatus": "CREATE_COMPLETE", "Outputs": []}
        self.quotas = {"L-DB2E81BA": float(QUOTA_VCPUS)}

    def client(self, service: str) -> Any:
        return client(service)

    def answer(self, service: str, **answers: Any) -> None:
        """Let operations of a service be answered by functions of their request."""
        answering(service, answers, self.patch)

    def set(self, name: str, value: str) -> None:
        """Set a parameter."""
        name = f"{self.account.env.parameter_root}/{name}"
        client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)

    def context(self, occasion: Occasion = Occasion.DEPLOYED, **changes: Any) -> Context:
        """Return what a check is given."""
        request = Request(
            occasion=occasion,
            project=ROOT,
            root=self.root,
            dataset=self.root / "dataset",
            config_file=None,
            stack_name=STACK,
        )
        specs = load_setting_specs(ROOT / "config" / "aws_config.yml", self.account.env.parameter_root)
        return Context(replace(request, **changes), self, specs)

    def put_secret(self, name: str, token: str) -> None:
        """Put a secret's new value."""
        client("secretsmanager").put_secret_value(SecretId=self.account.secret(name), SecretString=token)

    def sweep(self, ago: timedelta = timedelta()) -> None:
        """Note that the sweeper ran."""
        metric = {
            "MetricName": "SweeperRan",
            "Dimensions": [{"Name": "service", "Value": self.environment["POWERTOOLS_SERVICE_NAME"]}],
            "Value": 1,
            "Timestamp": START - ago,
        }
        client("cloudwatch").put_metric_data(Namespace="FineTuneSlm", MetricData=[metric])


@pytest.fixture
def world(account: Account, hub: LocalHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[World]:
    """A world in which a run would succeed."""
    made = World(account, hub, monkeypatch, tmp_path)
    store_settings(account)
    made.set("hub/base_model_revision", hub.head(BASE_MODEL))
    made.set("image/uri", f"{REGISTRY}/training@{_push_image()}")
    _publish(account)
    for name, role, repository in (("read", "read", BASE_MODEL), ("write", "write", PUBLISH_REPO)):
        token = hub.create_token(role, [repository])
        client("secretsmanager").create_secret(Name=account.secret(name), SecretString=token)
    _answer_for_stack(made)
    made.answer("service-quotas", GetServiceQuota=lambda asked: {"Quota": {"Value": made.quotas[asked["QuotaCode"]]}})
    with _schedule(), _volume(account):
        yield made


def _answer_for_stack(world: World) -> None:
    ids = {
        "SweepInstancesFunctionEveryTenMinutes": SCHEDULE,
        "SweepInstancesFunction": "a-function",
        "PrepareRunFunction": "another-function",
    }
    resources = [{"LogicalResourceId": logical, "PhysicalResourceId": physical} for logical, physical in ids.items()]
    world.answer(
        "cloudformation",
        DescribeStacks=lambda _: {"Stacks": [world.stack]},
        ListStackResources=lambda _: {"StackResourceSummaries": resources},
    )
    world.answer("lambda", GetFunctionConfiguration=lambda _: {"Environment": {"Variables": world.environment}})


def _push_image() -> str:
    ecr = client("ecr")
    if not any(one["repositoryName"] == "training" for one in ecr.describe_repositories()["repositories"]):
        ecr.create_repository(repositoryName="training")
        manifest = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": {}, "layers": []})
        ecr.put_image(repositoryName="training", imageManifest=manifest, imageTag="tag")
    return str(ecr.describe_images(repositoryName="training")["imageDetails"][0]["imageDigest"])


def _publish(account: Account) -> None:
    content = b'{"synthetic": "note"}\n'
    key = f"datasets/{DATASET_SHA256}/train.jsonl"
    client("s3").put_object(Bucket=account.env.bucket_name, Key=key, Body=content, ChecksumSHA256=checksum(content))
    entry = {"sha256": hashlib.sha256(content).hexdigest(), "records": 1}
    account.put_json(f"datasets/{DATASET_SHA256}/manifest.json", {"files": {"train.jsonl": entry}})


@contextmanager
def _schedule() -> Iterator[None]:
    """The sweeper's schedule, for the time of a test."""
    target = {"Arn": "arn:aws:lambda:us-east-1:123456789012:function:sweep", "RoleArn": ROLE_ARN}
    client("scheduler").create_schedule(
        Name=SCHEDULE, ScheduleExpression="rate(10 minutes)", FlexibleTimeWindow={"Mode": "OFF"}, Target=target
    )
    yield
    client("scheduler").delete_schedule(Name=SCHEDULE)


@contextmanager
def _volume(account: Account) -> Iterator[None]:
    """A checkpoint volume, for the time of a test."""
    ec2, zone = client("ec2"), account.describe()["Placement"]["AvailabilityZone"]
    volume_id = ec2.create_volume(AvailabilityZone=zone, Size=100, VolumeType="gp3")["VolumeId"]
    ec2.attach_volume(InstanceId=account.instance_id, VolumeId=volume_id, Device="/dev/sdf")
    yield
    if account.describe()["BlockDeviceMappings"][1:]:
        ec2.detach_volume(InstanceId=account.instance_id, VolumeId=volume_id)
    ec2.delete_volume(VolumeId=volume_id)


def told(finding: Finding) -> tuple[str, str]:
    """Return verdict and words of a finding."""
    return finding.verdict.value, finding.told
