"""What botocore sends is read back as the operation that was asked for, and as what AWS would ask IAM about it."""

from __future__ import annotations

import io
from urllib.parse import unquote, urlencode

import botocore.session
import pytest
from botocore.serialize import create_serializer

from fine_tune_slm.localcloud.errors import OperationUnmappedError
from fine_tune_slm.localcloud.iam.access import Access
from fine_tune_slm.localcloud.iam.actions import needed_accesses
from fine_tune_slm.localcloud.iam.wire import ApiCall, protocol, read_call, read_request

TABLE = "arn:aws:dynamodb:us-east-1:123456789012:table/lease"
DOCUMENT = "arn:aws:ssm:us-east-1:123456789012:document/command"
INSTANCE = "arn:aws:ec2:us-east-1:123456789012:instance/i-1"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:f"
GROUP = "arn:aws:logs:us-east-1:123456789012:log-group"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret"
OBJECT = "arn:aws:s3:::bucket/runs/a b/run.json"
KEY = {"Bucket": "bucket", "Key": "runs/a b/run.json"}


class FakeInventory:
    """An account with one tagged instance and one object."""

    region = "us-east-1"
    account_id = "123456789012"

    def arn(self, service, rest):
        return f"arn:aws:{service}:us-east-1:123456789012:{rest}"

    def instance_tags(self, instance_id):
        return {"stack": "mine"} if instance_id == "i-1" else {}

    def has_object(self, bucket, key):
        return (bucket, key) == ("bucket", "runs/a b/run.json")

    def secret_arn(self, secret_id):
        return f"{SECRET}:{secret_id}-AbCdEf"


def sent(service, operation, parameters):
    """Return the WSGI environment of what botocore sends."""
    model = botocore.session.get_session().get_service_model(service)
    serializer = create_serializer(protocol(model.signing_name))
    request = serializer.serialize_to_request(parameters, model.operation_model(operation))
    body = request["body"]
    content = urlencode(body).encode() if isinstance(body, dict) else body
    content = content.encode() if isinstance(content, str) else content or b""
    path, _, fixed = request["url_path"].partition("?")
    query = "&".join(filter(None, (fixed, urlencode(request["query_string"]))))
    headers = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request["headers"].items()}
    return model.signing_name, {
        "REQUEST_METHOD": request["method"],
        "PATH_INFO": unquote(path),
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(content)),
        "wsgi.input": io.BytesIO(content),
        **headers,
    }


def read(service, operation, parameters):
    signing_name, environ = sent(service, operation, parameters)
    return read_call(read_request(environ, signing_name), signing_name)


def needs(service, operation, parameters):
    found = needed_accesses(read(service, operation, parameters), FakeInventory())
    assert all(access.values("aws:SecureTransport") == ("true",) for access in found)
    return [(access.action, access.resource) for access in found]


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "wanted"),
    [
        ("s3", "GetObject", KEY, [("s3:GetObject", OBJECT)]),
        ("s3", "HeadObject", KEY, [("s3:GetObject", OBJECT)]),
        (
            "s3",
            "GetObject",
            {**KEY, "Key": "no"},
            [("s3:GetObject", "arn:aws:s3:::bucket/no"), ("s3:ListBucket", "arn:aws:s3:::bucket")],
        ),
        ("s3", "PutObject", {**KEY, "Body": b"x"}, [("s3:PutObject", OBJECT)]),
        ("s3", "PutObject", {**KEY, "Body": b"x", "IfNoneMatch": "*"}, [("s3:PutObject", OBJECT)]),
        (
            "s3",
            "PutObject",
            {**KEY, "Body": b"x", "IfMatch": "e"},
            [("s3:PutObject", OBJECT), ("s3:GetObject", OBJECT)],
        ),
        (
            "s3",
            "CopyObject",
            {**KEY, "CopySource": "bucket/staging/b%20c"},
            [("s3:GetObject", "arn:aws:s3:::bucket/staging/b c"), ("s3:PutObject", OBJECT)],
        ),
        ("s3", "DeleteObject", KEY, [("s3:DeleteObject", OBJECT)]),
        ("s3", "ListObjectsV2", {"Bucket": "bucket"}, [("s3:ListBucket", "arn:aws:s3:::bucket")]),
        ("dynamodb", "GetItem", {"TableName": "lease", "Key": {}}, [("dynamodb:GetItem", TABLE)]),
        ("dynamodb", "UpdateItem", {"TableName": TABLE, "Key": {}}, [("dynamodb:UpdateItem", TABLE)]),
        ("ec2", "DescribeInstances", {"InstanceIds": ["i-1"]}, [("ec2:DescribeInstances", "*")]),
        (
            "ec2",
            "StopInstances",
            {"InstanceIds": ["i-1", "i-2"]},
            [("ec2:StopInstances", INSTANCE), ("ec2:StopInstances", INSTANCE.replace("i-1", "i-2"))],
        ),
        (
            "ssm",
            "SendCommand",
            {"DocumentName": "command", "InstanceIds": ["i-1"]},
            [("ssm:SendCommand", DOCUMENT), ("ssm:SendCommand", INSTANCE)],
        ),
        (
            "ssm",
            "SendCommand",
            {"DocumentName": "AWS-RunShellScript"},
            [("ssm:SendCommand", "arn:aws:ssm:us-east-1::document/AWS-RunShellScript")],
        ),
        (
            "ssm",
            "GetParametersByPath",
            {"Path": "/root"},
            [("ssm:GetParametersByPath", "arn:aws:ssm:us-east-1:123456789012:parameter/root")],
        ),
        (
            "secretsmanager",
            "GetSecretValue",
            {"SecretId": "token"},
            [("secretsmanager:GetSecretValue", f"{SECRET}:token-AbCdEf")],
        ),
        ("lambda", "Invoke", {"FunctionName": "f"}, [("lambda:InvokeFunction", FUNCTION)]),
        ("lambda", "Invoke", {"FunctionName": f"{FUNCTION}:3"}, [("lambda:InvokeFunction", f"{FUNCTION}:3")]),
        (
            "lambda",
            "Invoke",
            {"FunctionName": "f", "Qualifier": "live"},
            [("lambda:InvokeFunction", f"{FUNCTION}:live")],
        ),
        (
            "logs",
            "PutLogEvents",
            {"logGroupName": "/g", "logStreamName": "s", "logEvents": [{"timestamp": 0, "message": "m"}]},
            [("logs:PutLogEvents", f"{GROUP}:/g:log-stream:s")],
        ),
        ("logs", "DescribeLogGroups", {}, [("logs:DescribeLogGroups", f"{GROUP}::log-stream:")]),
        ("sns", "Publish", {"TopicArn": "arn:t", "Message": "m"}, [("sns:Publish", "arn:t")]),
        ("stepfunctions", "DescribeExecution", {"executionArn": "arn:e"}, [("states:DescribeExecution", "arn:e")]),
        ("sts", "GetCallerIdentity", {}, []),
    ],
)
def test_an_operation_needs_what_aws_asks_for(service, operation, parameters, wanted):
    assert needs(service, operation, parameters) == wanted


def test_a_change_of_an_instance_says_which_attribute_and_bears_the_instances_tags():
    change = {"InstanceId": "i-1", "InstanceType": {"Value": "g5.2xlarge"}}
    (access,) = needed_accesses(read("ec2", "ModifyInstanceAttribute", change), FakeInventory())
    assert (access.action, access.resource) == ("ec2:ModifyInstanceAttribute", INSTANCE)
    assert access.values("ec2:Attribute") == ("InstanceType",)
    assert access.values("aws:ResourceTag/stack") == ("mine",)


def test_new_tags_are_named_with_keys_and_values():
    tags = {"Resources": ["i-1"], "Tags": [{"Key": "deadline", "Value": "now"}, {"Key": "Name", "Value": "n"}]}
    (access,) = needed_accesses(read("ec2", "CreateTags", tags), FakeInventory())
    assert access.values("aws:TagKeys") == ("Name", "deadline")
    assert access.values("aws:RequestTag/deadline") == ("now",)


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("ec2", "TerminateInstances", {"InstanceIds": ["i-1"]}),
        ("s3", "GetObjectAcl", KEY),
        ("s3", "UploadPart", {**KEY, "PartNumber": 1, "UploadId": "u"}),
        ("s3", "ListBuckets", {}),
        ("dynamodb", "Scan", {"TableName": "lease"}),
        ("lambda", "GetFunction", {"FunctionName": "f"}),
        ("ssm", "SendCommand", {"DocumentName": "d", "Targets": [{"Key": "tag:a", "Values": ["b"]}]}),
    ],
)
def test_an_operation_of_which_nobody_said_what_it_needs_is_an_error(service, operation, parameters):
    with pytest.raises(OperationUnmappedError, match=f":{operation}"):
        needs(service, operation, parameters)


def test_a_request_that_is_no_operation_at_all_is_an_error_too():
    with pytest.raises(OperationUnmappedError, match="s3:this request"):
        needed_accesses(ApiCall("s3", "", {}), FakeInventory())


def test_a_body_that_was_read_can_be_read_again():
    _, environ = sent("dynamodb", "GetItem", {"TableName": "lease", "Key": {}})
    body = read_request(environ, "dynamodb").body
    assert environ["wsgi.input"].read() == body != b""


def test_access_keeps_its_circumstances_under_names_without_case():
    assert Access.of("a:B", "*", {"aws:TagKeys": ("x",)}).values("AWS:tagkeys") == ("x",)
