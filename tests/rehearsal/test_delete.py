"""`fine-tune-slm delete` in an emulated account: what is left is what is meant to stay, and every other stage."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import pytest
from slm_core.prices import load_prices

from fine_tune_slm.cli import main
from fine_tune_slm.deletion.deletion import Choice, delete
from fine_tune_slm.deletion.survey import survey
from fine_tune_slm.localcloud import LocalCloud
from fine_tune_slm.naming import stack_name
from fine_tune_slm.stage import IMAGE_ID
from tests.rehearsal.conftest import PROJECT

LISTINGS = {
    ("lambda", "list_functions"): "Functions[].FunctionArn",
    ("lambda", "list_layers"): "Layers[].LayerName",
    ("stepfunctions", "list_state_machines"): "stateMachines[].stateMachineArn",
    ("logs", "describe_log_groups"): "logGroups[].logGroupName",
    ("scheduler", "list_schedules"): "Schedules[].Name",
    ("events", "list_rules"): "Rules[].Name",
    ("secretsmanager", "list_secrets"): "SecretList[].Name",
    ("ssm", "describe_parameters"): "Parameters[].Name",
    ("dynamodb", "list_tables"): "TableNames[]",
    ("ecr", "describe_repositories"): "repositories[].repositoryName",
    ("sqs", "list_queues"): "QueueUrls[]",
    ("sns", "list_topics"): "Topics[].TopicArn",
    ("iam", "list_roles"): "Roles[].RoleName",
    ("iam", "list_instance_profiles"): "InstanceProfiles[].InstanceProfileName",
    ("cloudwatch", "list_dashboards"): "DashboardEntries[].DashboardName",
    ("ec2", "describe_instances"): "Reservations[].Instances[?State.Name != 'terminated'][].InstanceId",
    ("ec2", "describe_volumes"): "Volumes[].VolumeId",
    ("ec2", "describe_security_groups"): "SecurityGroups[].GroupId",
}


def everything(cloud: LocalCloud) -> set[tuple[str, str]]:
    """Return (service, name) of all that the account holds and that a stack could have made."""
    found = {
        (service, name)
        for (service, operation), wanted in LISTINGS.items()
        for name in cloud.client(service).get_paginator(operation).paginate().search(wanted)
        if name is not None
    }
    documents = cloud.client("ssm").list_documents()["DocumentIdentifiers"]
    buckets = cloud.client("s3").list_buckets()["Buckets"]
    return found | {("ssm", one["Name"]) for one in documents} | {("s3", one["Name"]) for one in buckets}


@pytest.fixture
def cloud(tiny_settings) -> Iterator[LocalCloud]:
    """An account in which the stage prod-eu stands."""
    with LocalCloud(tiny_settings) as cloud:
        deploy(cloud, "prod-eu")
        yield cloud


def deploy(cloud: LocalCloud, stage: str) -> dict[str, str]:
    """Deploy a stage as far as the stack goes and return its outputs."""
    return cloud.deploy(PROJECT / "template.yaml", {"ImageId": IMAGE_ID, "Stage": stage}, stack_name(stage))


def use(cloud: LocalCloud, outputs: dict[str, str]) -> None:
    """Leave what runs, `params init` and the image workflow leave: versions, a delete marker, an upload, parameters."""
    s3, bucket = cloud.client("s3"), outputs["BucketName"]
    for content in (b"first", b"second"):
        s3.put_object(Bucket=bucket, Key="models/run-1/manifest.json", Body=content)
    s3.delete_object(Bucket=bucket, Key="models/run-1/manifest.json")
    s3.create_multipart_upload(Bucket=bucket, Key="models/run-1/unfinished")
    for number in range(12):  # more than one call deletes
        name = f"{outputs['ParameterRoot']}/hub/setting-{number}"
        cloud.client("ssm").put_parameter(Name=name, Value="a value", Type="String")


def run(cloud: LocalCloud, monkeypatch, *arguments: str) -> int:
    """Return the exit code of the command for the stage prod."""
    for name, value in cloud.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "argv", ["fine-tune-slm", "delete", "--stage", "prod", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


def test_a_deleted_stage_leaves_bucket_and_volume_and_touches_no_other_stage(cloud, monkeypatch, capsys):
    before = everything(cloud)
    outputs = deploy(cloud, "prod")
    use(cloud, outputs)
    capsys.readouterr()
    assert run(cloud, monkeypatch, "--yes", "--json") == 0
    kept = {("s3", outputs["BucketName"]), ("ec2", outputs["CheckpointVolumeId"])}
    assert everything(cloud) == before | kept
    told = json.loads(capsys.readouterr().out)
    assert {(one["kind"], one["name"]) for one in told["stays"]} == {
        ("bucket", outputs["BucketName"]),
        ("volume", outputs["CheckpointVolumeId"]),
    }
    assert {one["kind"]: one["usd_per_month"] for one in told["stays"]} == {"bucket": 0.0, "volume": 8.0}


def test_what_a_deletion_left_is_deleted_when_it_is_asked_for_later(cloud, monkeypatch, capsys):
    before = everything(cloud)
    outputs = deploy(cloud, "prod")
    use(cloud, outputs)
    assert run(cloud, monkeypatch, "--yes") == 0
    shown = capsys.readouterr().out
    assert f"stays    bucket {outputs['BucketName']}" in shown
    assert "100.0 GiB, about 8.00 USD a month; --volume deletes it" in shown
    assert run(cloud, monkeypatch, "--yes", "--bucket", "--volume") == 0
    assert everything(cloud) == before


def test_everything_goes_at_once_when_it_is_asked_for(cloud, monkeypatch):
    before = everything(cloud)
    use(cloud, deploy(cloud, "prod"))
    assert run(cloud, monkeypatch, "--yes", "--bucket", "--volume") == 0
    assert everything(cloud) == before
    assert run(cloud, monkeypatch, "--yes") == 2  # there is nothing left to delete


def test_a_log_group_that_came_back_after_the_stack_goes_too(cloud):
    deploy(cloud, "prod")
    found = survey(cloud, stack_name("prod"), "prod", load_prices(PROJECT / "config" / "prices.yml"))
    group = "/aws/lambda/fine-tune-slm-prod-sweep-instances"
    cloud.client("cloudformation").delete_stack(StackName=found.stack_id)
    cloud.client("logs").create_log_group(logGroupName=group)
    assert f"log group {group}" in list(delete(cloud, found, Choice()))
    assert group not in {name for _, name in everything(cloud)}
