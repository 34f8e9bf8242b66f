"""What the emulated IAM does not understand stops a deployment or fails a run; it never passes."""

from __future__ import annotations

import json
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID

from fine_tune_slm.localcloud import LocalCloud, LocalCloudSettings
from fine_tune_slm.localcloud.errors import OperationUnmappedError, PolicyUnsupportedError


def stack_with_role(directory: Path, **statement: object) -> Path:
    """Write a template with one role of one statement and return its path."""
    managed = statement.pop("managed", [])
    allowed = {"Effect": "Allow", "Action": "dynamodb:Scan", "Resource": "*", **statement}
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    role = {
        "RoleName": "scanner",
        "AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]},
        "Policies": [{"PolicyName": "scan", "PolicyDocument": {"Statement": [allowed]}}],
        "ManagedPolicyArns": managed,
    }
    file = directory / "template.json"
    resources = {"Scanner": {"Type": "AWS::IAM::Role", "Properties": role}}
    file.write_text(json.dumps({"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}), encoding="utf-8")
    return file


def scan_as_the_role(directory: Path) -> None:
    """Deploy the stack, and let its role make a call that is refused."""
    with LocalCloud(LocalCloudSettings(root=directory / "cloud")) as cloud:
        cloud.deploy(stack_with_role(directory))
        role_arn = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/scanner"
        assumed = cloud.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="test")["Credentials"]
        session = boto3.Session(assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"])
        dynamodb = session.client("dynamodb", region_name="us-east-1", endpoint_url=cloud.endpoint_url)
        with pytest.raises(ClientError, match="OperationUnmapped"):
            dynamodb.scan(TableName="any")


def test_a_run_fails_that_made_a_call_of_which_nobody_said_what_it_needs(tmp_path):
    with pytest.raises(OperationUnmappedError, match="scanner: Nobody has said what dynamodb:Scan needs"):
        scan_as_the_role(tmp_path)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}, "condition operator IpAddress"),
        ({"managed": ["arn:aws:iam::aws:policy/AdministratorAccess"]}, "AdministratorAccess"),
    ],
)
def test_a_policy_that_cannot_be_judged_is_refused_at_deployment(tmp_path, change, named):
    with (
        LocalCloud(LocalCloudSettings(root=tmp_path / "cloud")) as cloud,
        pytest.raises(PolicyUnsupportedError, match=named),
    ):
        cloud.deploy(stack_with_role(tmp_path, **change))
