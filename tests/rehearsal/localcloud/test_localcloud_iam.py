"""The emulated IAM: what a role may not do is refused as AWS refuses it, and what it did is written down."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

Call = Callable[..., dict[str, str]]


@pytest.fixture
def call(rehearsal) -> Call:
    """A function that returns how AWS answers a call of the stack's function, made with its role."""

    def make(service: str, operation: str, **parameters: Any) -> dict[str, str]:
        event = {"do": "call", "call": {"service": service, "operation": operation, **parameters}}
        answer = rehearsal.cloud.client("lambda").invoke(FunctionName="behave", Payload=json.dumps(event))
        return dict(json.loads(answer["Payload"].read()))

    return make


def names_everything(message: str, action: str, resource: str) -> bool:
    return all(part in message for part in ("BehaveFunctionRole", action, resource, "is not authorized to perform"))


def test_what_a_statement_allows_goes_through(rehearsal, call):
    bucket = rehearsal.outputs["BucketName"]
    assert call("s3", "put_object", Bucket=bucket, Key="open/a", Body="x")["code"] == ""
    assert call("s3", "get_object", Bucket=bucket, Key="open/a")["code"] == ""


def test_another_resource_is_refused_with_role_action_and_resource(rehearsal, call):
    bucket = rehearsal.outputs["BucketName"]
    answer = call("s3", "put_object", Bucket=bucket, Key="elsewhere/a", Body="x" * 100_000)
    assert answer["code"] == "AccessDenied"
    assert names_everything(answer["message"], "s3:PutObject", f"arn:aws:s3:::{bucket}/elsewhere/a")
    assert "no identity-based policy allows" in answer["message"]


def test_an_explicit_deny_outweighs_an_allow_and_is_named(rehearsal, call):
    answer = call("s3", "put_object", Bucket=rehearsal.outputs["BucketName"], Key="open/closed/a", Body="x")
    assert answer["code"] == "AccessDenied"
    assert "explicit deny in Closed" in answer["message"]


def test_a_missing_object_looks_forbidden_to_who_may_not_list(rehearsal, call):
    answer = call("s3", "get_object", Bucket=rehearsal.outputs["BucketName"], Key="open/never-written")
    assert answer["code"] == "AccessDenied"
    assert "s3:ListBucket" in answer["message"]
    assert call("s3", "head_object", Bucket=rehearsal.outputs["BucketName"], Key="open/never-written")["code"] == "403"


def test_a_condition_on_tags_is_judged_by_the_tags_of_instance_and_request(rehearsal, call):
    instance_id = rehearsal.outputs["InstanceId"]
    tags = [{"Key": "deadline", "Value": "now"}]
    assert call("ec2", "create_tags", Resources=[instance_id], Tags=tags)["code"] == ""
    more = [*tags, {"Key": "stack", "Value": "mine"}]
    refused = call("ec2", "create_tags", Resources=[instance_id], Tags=more)
    assert refused["code"] == "UnauthorizedOperation"
    assert names_everything(refused["message"], "ec2:CreateTags", f"instance/{instance_id}")


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code"),
    [
        ("dynamodb", "get_item", {"TableName": "t", "Key": {"k": {"S": "v"}}}, "AccessDeniedException"),
        ("stepfunctions", "describe_execution", {"executionArn": "arn:aws:states:x"}, "AccessDeniedException"),
        ("lambda", "invoke", {"FunctionName": "behave"}, "AccessDeniedException"),
        ("sns", "publish", {"TopicArn": "arn:aws:sns:x", "Message": "m"}, "AuthorizationError"),
        ("ec2", "describe_instances", {}, "UnauthorizedOperation"),
    ],
)
def test_each_service_refuses_in_its_own_words(call, service, operation, parameters, code):
    answer = call(service, operation, **parameters)
    assert answer["code"] == code
    assert "is not authorized to perform" in answer["message"]


def test_credentials_that_nobody_gave_out_are_refused(rehearsal):
    endpoint = rehearsal.cloud.endpoint_url
    forged = {"aws_access_key_id": "ASIAFORGED", "aws_secret_access_key": "x", "aws_session_token": "y"}
    client = boto3.client("dynamodb", region_name="us-east-1", endpoint_url=endpoint, **forged)
    with pytest.raises(ClientError, match="security token included in the request is invalid"):
        client.list_tables()


def test_uses_are_kept_by_role_action_and_resource(rehearsal, call):
    call("s3", "put_object", Bucket=rehearsal.outputs["BucketName"], Key="open/kept", Body="x")
    resource = f"arn:aws:s3:::{rehearsal.outputs['BucketName']}/open/kept"
    uses = [use for use in rehearsal.cloud.journal.uses() if use.access.resource == resource]
    assert [(use.access.action, use.is_allowed) for use in uses] == [("s3:PutObject", True)]
    assert "BehaveFunctionRole" in uses[0].role
