"""The calls that every run makes dozens of times, answered straight from moto's models.

Most of a played run was botocore's and moto's HTTP layers, writing and parsing the same few answers. What decides is
still moto's: its items, its conditions, its objects, its instance. test_shortcuts.py plays schedules both ways.
"""

from __future__ import annotations

import contextlib
import io
import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.response import StreamingBody
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.exceptions import ConditionalCheckFailed
from moto.dynamodb.models import dynamodb_backends
from moto.ec2.models import ec2_backends
from moto.s3.models import s3_backends
from moto.ssm.exceptions import SSMException
from moto.ssm.responses import SimpleSystemManagerResponse as Responses
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

REGION = "us-east-1"
_KEPT_ANSWERS = 4096
_typed, _plain = TypeSerializer().serialize, TypeDeserializer().deserialize
_switch = [True]
_answers: OrderedDict[object, bytes] = OrderedDict()
_known_updates: set[object] = set()

Request = Mapping[str, Any]
LongWay = Callable[[Any, str, Request], Any]


def answer(this: Any, operation: str, request: Request, long_way: LongWay) -> Any:
    """Return the answer of a client to a call, as `long_way` (botocore's own) would give it.

    Raises: ClientError, as the long way does.
    """
    shortcut = _SHORTCUTS.get(f"{this.meta.service_model.service_name}.{operation}") if _switch[-1] else None
    return shortcut(this, operation, request, long_way) if shortcut else long_way(this, operation, request)


@contextlib.contextmanager
def switched_off() -> Iterator[None]:
    """Let every call go the long way inside the block."""
    _switch.append(False)
    try:
        yield
    finally:
        _switch.pop()


def _instance(this: Any, operation: str, request: Request, long_way: LongWay) -> Any:
    """Answer what was answered before when the instance shows the same as then."""
    instances = ec2_backends[DEFAULT_ACCOUNT_ID][REGION]
    shown = [_shown(instances.get_instance(name)) for name in request.get("InstanceIds", ())]
    key = (operation, repr(sorted(request.items())), repr(shown))
    if key in _answers:
        _answers.move_to_end(key)
        return pickle.loads(_answers[key])  # noqa: S301 - written below, in this process
    found = long_way(this, operation, request)
    _answers[key] = pickle.dumps(found)
    if len(_answers) > _KEPT_ANSWERS:
        _answers.popitem(last=False)
    return found


def _shown(instance: Any) -> tuple[object, ...]:
    tags = [(tag["key"], tag["value"]) for tag in instance.get_tags()]
    reason = instance.state_reason.code if instance.state_reason else None
    status = (instance.instance_status["Status"], instance.system_status["Status"])
    return instance.id, instance.state, reason, instance.launch_time, instance.instance_type, status, tags


def _get_item(_this: Any, _operation: str, request: Request, _long_way: LongWay) -> Any:
    table = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION]
    item = table.get_item(request["TableName"], _written(request["Key"]))
    return {"Item": _read(item)} if item else {}


def _update_item(this: Any, operation: str, request: Request, long_way: LongWay) -> Any:
    """Update through moto's model; an expression that is new here goes the long way first, which checks it."""
    texts = tuple(request.get(name) for name in ("UpdateExpression", "ConditionExpression", "ReturnValues"))
    names = tuple(sorted(request.get(part, ())) for part in _ATTRIBUTES)
    key = repr((texts, names))
    if key not in _known_updates:
        found = long_way(this, operation, request)
        _known_updates.add(key)
        return found
    try:
        item = dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].update_item(
            request["TableName"],
            _written(request["Key"]),
            update_expression=request["UpdateExpression"],
            expression_attribute_names=request.get("ExpressionAttributeNames", {}),
            expression_attribute_values=_written(request.get("ExpressionAttributeValues", {})),
            condition_expression=request.get("ConditionExpression"),
        )
    except ConditionalCheckFailed as failed:
        raise _error(this, operation, "ConditionalCheckFailedException", failed.message, 400) from None
    return {"Attributes": _read(item)} if request.get("ReturnValues") == "ALL_NEW" else {}


_ATTRIBUTES = ("ExpressionAttributeNames", "ExpressionAttributeValues")


def _written(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _typed(value) for name, value in values.items()}


def _read(item: Any) -> dict[str, Any]:
    return {name: _plain(value) for name, value in item.to_json()["Attributes"].items()}


def _get_object(this: Any, operation: str, request: Request, long_way: LongWay) -> Any:
    if set(request) != {"Bucket", "Key"}:
        return long_way(this, operation, request)
    found = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[request["Bucket"]].keys.get(request["Key"])
    if found is None:
        raise _error(this, operation, "NoSuchKey", "The specified key does not exist.", 404)
    content = bytes(found.value)
    return {"Body": StreamingBody(io.BytesIO(content), len(content)), "ETag": found.etag, "ContentLength": len(content)}


def _put_object(this: Any, operation: str, request: Request, long_way: LongWay) -> Any:
    if set(request) != {"Bucket", "Key", "Body"}:
        return long_way(this, operation, request)
    put = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(request["Bucket"], request["Key"], request["Body"])
    return {"ETag": put.etag}


class _Asked:
    """What the seams of Run Command read of moto's request."""

    def __init__(self, request: Request) -> None:
        self._request = request

    def _get_param(self, name: str, default: object = None) -> object:
        return self._request.get(name, default)


def _run_command(this: Any, operation: str, request: Request, long_way: LongWay) -> Any:
    """Ask the seam that stands in moto's place; a refusal is worded by the long way."""
    seam = getattr(Responses, _SEAMS[operation])
    try:
        return seam(_Asked(request)).result
    except SSMException:
        return long_way(this, operation, request)


_SEAMS = {
    "GetCommandInvocation": "get_command_invocation",
    "DescribeInstanceInformation": "describe_instance_information",
}


def _history(this: Any, operation: str, request: Request, long_way: LongWay) -> Any:
    """Answer with the newest events, or with all where a page holds them, without what they carry: as is asked here."""
    if request.get("includeExecutionData") is not False:
        return long_way(this, operation, request)
    backend = stepfunctions_parser_backends[DEFAULT_ACCOUNT_ID][REGION]
    events = backend.describe_execution(request["executionArn"]).exec_worker.env.event_manager._history_event_list
    if request.get("reverseOrder"):
        return {"events": [_bare(event) for event in reversed(events[-request["maxResults"] :])]}
    if "nextToken" in request or len(events) > request["maxResults"]:
        return long_way(this, operation, request)
    return {"events": [_bare(event) for event in events]}


def _bare(event: Mapping[str, Any]) -> dict[str, Any]:
    details = {name: {"name": event[name]["name"]} for name in _STATE_DETAILS if name in event}
    return {"id": event["id"], "type": event["type"], **details}


_STATE_DETAILS = ("stateEnteredEventDetails", "stateExitedEventDetails")


def _error(this: Any, operation: str, code: str, message: str, status: int) -> Exception:
    response = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error: Exception = this.exceptions.from_code(code)(response, operation)
    return error


_SHORTCUTS = {
    "ec2.DescribeInstances": _instance,
    "ec2.DescribeInstanceStatus": _instance,
    "dynamodb.GetItem": _get_item,
    "dynamodb.UpdateItem": _update_item,
    "s3.GetObject": _get_object,
    "s3.PutObject": _put_object,
    "ssm.GetCommandInvocation": _run_command,
    "ssm.DescribeInstanceInformation": _run_command,
    "stepfunctions.GetExecutionHistory": _history,
}
