"""Deployments in the emulated AWS: again with the same parameters, with an instance of one's own, with every option."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from fine_tune_slm.localcloud import LocalCloud
from fine_tune_slm.naming import parameter_root, stack_name
from fine_tune_slm.stage import IMAGE_ID
from tests.rehearsal.conftest import PROJECT

TEMPLATE = PROJECT / "template.yaml"


@pytest.fixture
def cloud(tiny_settings) -> Iterator[LocalCloud]:
    """An empty emulated account."""
    with LocalCloud(tiny_settings) as cloud:
        yield cloud


def resources(cloud: LocalCloud, stack: str) -> dict[str, str]:
    """Return physical by logical ids."""
    pages = cloud.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    found = pages.search("StackResourceSummaries[]")
    return {one["LogicalResourceId"]: one["PhysicalResourceId"] for one in found}


def test_a_redeploy_of_another_commit_keeps_instance_and_volume(cloud):
    stack, cloudformation, functions = stack_name(), cloud.client("cloudformation"), cloud.client("lambda")
    deployed = cloud.deploy(TEMPLATE, {"ImageId": IMAGE_ID}, stack)
    before = resources(cloud, stack)
    again = [
        {"ParameterKey": "ImageId", "UsePreviousValue": True},
        {"ParameterKey": "GitCommit", "ParameterValue": "c0ffee1"},
    ]
    body = json.dumps(cloudformation.get_template(StackName=stack)["TemplateBody"])
    cloudformation.update_stack(StackName=stack, TemplateBody=body, Parameters=again)
    variables = functions.get_function_configuration(FunctionName=f"{stack}-prepare-run")["Environment"]["Variables"]
    assert variables["GIT_COMMIT"] == "c0ffee1"  # so the update was not an empty one
    assert resources(cloud, stack) == before
    (volume,) = cloud.client("ec2").describe_volumes(VolumeIds=[deployed["CheckpointVolumeId"]])["Volumes"]
    assert [one["InstanceId"] for one in volume["Attachments"]] == [deployed["InstanceId"]]


def test_an_instance_of_ones_own_is_taken_as_it_is(cloud):
    ec2 = cloud.client("ec2")
    (own,) = ec2.run_instances(ImageId=IMAGE_ID, MinCount=1, MaxCount=1)["Instances"]
    volumes = len(ec2.describe_volumes()["Volumes"])
    deployed = cloud.deploy(TEMPLATE, {"ImageId": IMAGE_ID, "InstanceId": own["InstanceId"]}, stack_name())
    found = [one for reservation in ec2.describe_instances()["Reservations"] for one in reservation["Instances"]]
    assert [one["InstanceId"] for one in found] == [own["InstanceId"]] == [deployed["InstanceId"]]
    assert len(ec2.describe_volumes()["Volumes"]) == volumes
    name = f"{parameter_root()}/instance/id"
    assert cloud.client("ssm").get_parameter(Name=name)["Parameter"]["Value"] == own["InstanceId"]


def test_a_volume_that_an_earlier_stack_left_is_attached_and_none_is_made(cloud):
    ec2 = cloud.client("ec2")
    kept = ec2.create_volume(AvailabilityZone="us-east-1a", Size=100)["VolumeId"]
    chosen = {"ImageId": IMAGE_ID, "CheckpointVolumeId": kept, "AvailabilityZone": "us-east-1a"}
    deployed = cloud.deploy(TEMPLATE, chosen, stack_name())
    (volume,) = ec2.describe_volumes(VolumeIds=[kept])["Volumes"]
    assert [one["InstanceId"] for one in volume["Attachments"]] == [deployed["InstanceId"]]
    assert "CheckpointVolumeId" not in deployed


def test_every_option_deploys_and_github_is_given_a_role(cloud):
    chosen = {
        "ImageId": IMAGE_ID,
        "GitHubRepository": "someone/fine-tune-slm",
        "CloudFormationRoleArn": "arn:aws:iam::123456789012:role/deployer",
        "LogKmsKeyArn": "arn:aws:kms:us-east-1:123456789012:key/00000000-0000-0000-0000-000000000000",
        "AlertEmail": "someone@example.org",
        "ScheduleState": "ENABLED",
    }
    deployed = cloud.deploy(TEMPLATE, chosen, stack_name())
    role = cloud.client("iam").get_role(RoleName=deployed["GitHubRoleArn"].rpartition("/")[2])["Role"]
    (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
    providers = cloud.client("iam").list_open_id_connect_providers()["OpenIDConnectProviderList"]
    assert [statement["Principal"]["Federated"]] == [one["Arn"] for one in providers]
    subject = statement["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"]
    assert subject == "repo:someone/fine-tune-slm:environment:prod"
