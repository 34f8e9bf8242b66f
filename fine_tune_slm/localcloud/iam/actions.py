"""Which actions on which resources an operation needs, with the condition keys that AWS fills in.

An operation that is not in the table is an error: whoever makes a function call something new says here what AWS asks.
Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

from fine_tune_slm.localcloud.errors import OperationUnmappedError
from fine_tune_slm.localcloud.iam.access import Access
from fine_tune_slm.localcloud.iam.inventory import Inventory
from fine_tune_slm.localcloud.iam.wire import ApiCall

# What AWS knows of every request: the loopback stands for TLS.
_ALWAYS = {"aws:SecureTransport": ("true",)}

Needs = Callable[[ApiCall, Inventory], list[Access]]


def needed_accesses(call: ApiCall, account: Inventory) -> list[Access]:
    """Return every access that IAM must allow for the call.

    Raises: OperationUnmappedError.
    """
    needs = _TABLE.get(f"{call.service}:{call.operation}")
    if needs is None:
        raise OperationUnmappedError(f"Nobody has said what {call.service}:{call.operation or 'this request'} needs")
    return [Access.of(one.action, one.resource, {**dict(one.circumstances), **_ALWAYS}) for one in needs(call, account)]


def _on_everything(*actions: str) -> Needs:
    """Return the needs of an operation without resource-level permissions."""
    return lambda _call, _account: [Access.of(action, "*") for action in actions]


def _nothing(_call: ApiCall, _account: Inventory) -> list[Access]:
    return []  # GetCallerIdentity is allowed to everybody, and no Deny changes that


def _bucket_arn(call: ApiCall) -> str:
    return f"arn:aws:s3:::{call.parameters['Bucket']}"


def _object_arn(call: ApiCall) -> str:
    return f"{_bucket_arn(call)}/{call.parameters['Key']}"


def _read_object(call: ApiCall, account: Inventory) -> list[Access]:
    bucket, key = call.parameters["Bucket"], call.parameters["Key"]
    read = Access.of("s3:GetObject", _object_arn(call))
    # without s3:ListBucket a missing object is a 403, so that nobody learns what is not there
    return [read] if account.has_object(bucket, key) else [read, Access.of("s3:ListBucket", _bucket_arn(call))]


def _put_object(call: ApiCall, _account: Inventory) -> list[Access]:
    put = Access.of("s3:PutObject", _object_arn(call))
    # comparing the ETag of what is there reads it
    return [put, Access.of("s3:GetObject", _object_arn(call))] if "if-match" in call.headers else [put]


def _copy_object(call: ApiCall, _account: Inventory) -> list[Access]:
    source = unquote(call.headers["x-amz-copy-source"]).lstrip("/").partition("?")[0]
    return [Access.of("s3:GetObject", f"arn:aws:s3:::{source}"), Access.of("s3:PutObject", _object_arn(call))]


def _on_object(action: str) -> Needs:
    return lambda call, _account: [Access.of(action, _object_arn(call))]


def _list_bucket(call: ApiCall, _account: Inventory) -> list[Access]:
    return [Access.of("s3:ListBucket", _bucket_arn(call))]


def _instance(action: str, instance_id: str, account: Inventory, **more: tuple[str, ...]) -> Access:
    tags = account.instance_tags(instance_id)
    prefixes = ("aws:ResourceTag/", "ec2:ResourceTag/", "ssm:resourceTag/")
    known = {f"{prefix}{key}": (value,) for prefix in prefixes for key, value in tags.items()}
    return Access.of(action, account.arn("ec2", f"instance/{instance_id}"), {**known, **more})


def _on_instances(action: str) -> Needs:
    return lambda call, account: [_instance(action, one, account) for one in call.numbered("InstanceId")]


def _modify_instance(call: ApiCall, account: Inventory) -> list[Access]:
    # InstanceType.Value=..., or the older Attribute=instanceType
    named = {key.partition(".")[0] for key in call.parameters if key.endswith(".Value") and "." in key}
    older = call.parameters.get("Attribute", "")
    attributes = sorted(named | ({older[0].upper() + older[1:]} if older else set()))
    keys = {"ec2:Attribute": tuple(attributes)}
    return [_instance("ec2:ModifyInstanceAttribute", call.parameters["InstanceId"], account, **keys)]


def _create_tags(call: ApiCall, account: Inventory) -> list[Access]:
    numbers = [key.split(".")[1] for key in call.parameters if key.startswith("Tag.") and key.endswith(".Key")]
    tags = {call.parameters[f"Tag.{one}.Key"]: call.parameters.get(f"Tag.{one}.Value", "") for one in numbers}
    keys = {"aws:TagKeys": tuple(sorted(tags))} | {f"aws:RequestTag/{key}": (tags[key],) for key in tags}
    return [_instance("ec2:CreateTags", one, account, **keys) for one in call.numbered("ResourceId")]


def _send_command(call: ApiCall, account: Inventory) -> list[Access]:
    if "Targets" in call.parameters:
        raise OperationUnmappedError("Nobody has said what ssm:SendCommand to Targets needs; name InstanceIds")
    document = call.parameters["DocumentName"]
    document_arn = f"arn:aws:ssm:{account.region}:{'' if document.startswith('AWS-') else account.account_id}"
    send = Access.of("ssm:SendCommand", f"{document_arn}:document/{document}")
    return [send, *(_instance("ssm:SendCommand", one, account) for one in call.parameters.get("InstanceIds", []))]


def _parameters_by_path(call: ApiCall, account: Inventory) -> list[Access]:
    return [Access.of("ssm:GetParametersByPath", account.arn("ssm", f"parameter{call.parameters['Path']}"))]


def _secret(call: ApiCall, account: Inventory) -> list[Access]:
    return [Access.of("secretsmanager:GetSecretValue", account.secret_arn(call.parameters["SecretId"]))]


def _on_table(action: str) -> Needs:
    return lambda call, account: [
        Access.of(action, account.arn("dynamodb", f"table/{call.parameters['TableName'].rpartition('/')[2]}"))
    ]


def _on_named(action: str, parameter: str) -> Needs:
    """Return the needs of an operation whose parameter is the resource's ARN."""
    return lambda call, _account: [Access.of(action, str(call.parameters[parameter]))]


def _invoke(call: ApiCall, account: Inventory) -> list[Access]:
    name, qualifier = call.parameters["FunctionName"], call.parameters.get("Qualifier")
    arn = name if name.startswith("arn:") else account.arn("lambda", f"function:{name}")
    return [Access.of("lambda:InvokeFunction", f"{arn}:{qualifier}" if qualifier else arn)]


def _on_log_group(action: str, group: str, stream: str = "") -> Needs:
    """Return the needs of an operation of CloudWatch Logs, which names a stream even where there is none."""

    def needs(call: ApiCall, account: Inventory) -> list[Access]:
        names = f"{call.parameters.get(group, '')}:log-stream:{call.parameters.get(stream, '')}"
        return [Access.of(action, account.arn("logs", f"log-group:{names}"))]

    return needs


_TABLE: dict[str, Needs] = {
    "dynamodb:GetItem": _on_table("dynamodb:GetItem"),
    "dynamodb:UpdateItem": _on_table("dynamodb:UpdateItem"),
    "ec2:CreateTags": _create_tags,
    "ec2:DescribeInstanceStatus": _on_everything("ec2:DescribeInstanceStatus"),
    "ec2:DescribeInstances": _on_everything("ec2:DescribeInstances"),
    "ec2:ModifyInstanceAttribute": _modify_instance,
    "ec2:StartInstances": _on_instances("ec2:StartInstances"),
    "ec2:StopInstances": _on_instances("ec2:StopInstances"),
    "ecr:GetAuthorizationToken": _on_everything("ecr:GetAuthorizationToken"),
    "lambda:Invoke": _invoke,
    "logs:CreateLogGroup": _on_log_group("logs:CreateLogGroup", "logGroupName"),
    "logs:CreateLogStream": _on_log_group("logs:CreateLogStream", "logGroupName", "logStreamName"),
    "logs:DescribeLogGroups": _on_log_group("logs:DescribeLogGroups", "no group"),
    "logs:DescribeLogStreams": _on_log_group("logs:DescribeLogStreams", "logGroupName"),
    "logs:PutLogEvents": _on_log_group("logs:PutLogEvents", "logGroupName", "logStreamName"),
    "s3:CopyObject": _copy_object,
    "s3:DeleteObject": _on_object("s3:DeleteObject"),
    "s3:GetObject": _read_object,
    "s3:HeadObject": _read_object,
    "s3:ListObjectsV2": _list_bucket,
    "s3:PutObject": _put_object,
    "secretsmanager:GetSecretValue": _secret,
    "sns:Publish": _on_named("sns:Publish", "TopicArn"),
    "ssm:DescribeInstanceInformation": _on_everything("ssm:DescribeInstanceInformation"),
    "ssm:GetCommandInvocation": _on_everything("ssm:GetCommandInvocation"),
    "ssm:GetParametersByPath": _parameters_by_path,
    "ssm:SendCommand": _send_command,
    "states:DescribeExecution": _on_named("states:DescribeExecution", "executionArn"),
    "states:GetExecutionHistory": _on_named("states:GetExecutionHistory", "executionArn"),
    "states:StartExecution": _on_named("states:StartExecution", "stateMachineArn"),
    "sts:GetCallerIdentity": _nothing,
}
