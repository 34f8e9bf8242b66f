"""The role of the GitHub workflows allows every call that their scripts make."""

import json

import boto3
import pytest
from moto import mock_aws

from fine_tune_slm.localcloud.deploy.translation import read_template
from scripts.pipeline.image import pushed_image, record, severities
from scripts.pipeline.require_idle import running
from tests.unit.emulated_account import ROOT
from tests.unit.scripts.pipeline.test_image import COMMIT, REPOSITORY, manifest

RESOURCES = read_template(ROOT / "template.yaml")["Resources"]


def allowed(*documents):
    """Return the actions that policy documents allow."""
    statements = [statement for document in documents for statement in document["Statement"]]
    assert all(statement["Effect"] == "Allow" for statement in statements)
    actions = [one["Action"] for one in statements]
    return {action for one in actions for action in ([one] if isinstance(one, str) else one)}


@pytest.fixture
def used():
    """The actions that the clients of this test have called, by the names that IAM gives them."""
    return set()


@pytest.fixture
def client(used):
    """A function that returns a client whose calls are noted."""

    def note(model, **_call):
        used.add(f"{model.service_model.signing_name}:{model.name}")

    def make(service):
        made = boto3.client(service, "us-east-1")
        made.meta.events.register("before-call.*.*", note)
        return made

    with mock_aws():
        yield make


def test_recording_an_image_stays_within_the_role(client, used):
    unwatched = boto3.client("ecr", "us-east-1")
    unwatched.create_repository(repositoryName=REPOSITORY)
    unwatched.put_image(repositoryName=REPOSITORY, imageManifest=json.dumps(manifest()), imageTag=COMMIT)
    image = pushed_image(client("ecr"), "prod", COMMIT)
    unwatched.start_image_scan(repositoryName=REPOSITORY, imageId={"imageDigest": image.digest})
    severities(client("ecr"), image)
    record(client("ssm"), image, "prod", {})
    role = RESOURCES["GitHubRole"]["Properties"]["Policies"]
    assert {"ecr:DescribeImages", "ssm:PutParameter"} <= used
    assert used <= allowed(*(policy["PolicyDocument"] for policy in role))


def test_refusing_to_deploy_stays_within_the_role(client, used):
    states = boto3.client("stepfunctions", "us-east-1")
    definition = json.dumps({"StartAt": "Go", "States": {"Go": {"Type": "Pass", "End": True}}})
    role_arn = "arn:aws:iam::123456789012:role/machine"
    made = states.create_state_machine(name="fine-tune-slm-prod", definition=definition, roleArn=role_arn)
    output = {"StateMachineArn": {"Value": made["stateMachineArn"]}}
    body = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": output}
    boto3.client("cloudformation", "us-east-1").create_stack(
        StackName="fine-tune-slm-prod", TemplateBody=json.dumps(body)
    )
    assert running(client("cloudformation"), client("stepfunctions"), "prod") == []
    assert used == {"cloudformation:DescribeStacks", "states:ListExecutions"}
    assert used <= allowed(RESOURCES["GitHubDeployPolicy"]["Properties"]["PolicyDocument"])
