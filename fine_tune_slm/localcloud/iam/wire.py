"""From an HTTP request to the operation it asks for, by botocore's own models of the services.

Nothing of moto is asked: a request that moto does not understand is judged too.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

import botocore.session
from botocore.model import OperationModel, ServiceModel

# The names under which requests are signed, where the models have other ones.
_MODEL_NAMES = {"states": "stepfunctions", "monitoring": "cloudwatch"}


@dataclass(frozen=True)
class Request:
    """An HTTP request to AWS, its body read only where the operation or its parameters stand in it."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class ApiCall:
    """An operation of a service; `parameters` are named as on the wire, headers in lower case."""

    service: str
    operation: str
    parameters: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)

    def numbered(self, name: str) -> list[str]:
        """Return the values of a list of the query protocol: NAME.1, NAME.2 and so on."""
        found = {key: value for key, value in self.parameters.items() if re.fullmatch(rf"{name}\.\d+", key)}
        return [str(value) for _, value in sorted(found.items())]


@cache
def protocol(service: str) -> str:
    """Return how a service speaks: json, rest-json, rest-xml, query or ec2."""
    return str(_model(service).metadata["protocol"])


def read_request(environ: dict[str, Any], service: str) -> Request:
    """Return the request of a WSGI environment; a body that is read here can be read again."""
    body = b""
    if not protocol(service).startswith("rest-"):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
    headers = {key[5:].lower().replace("_", "-"): str(v) for key, v in environ.items() if key.startswith("HTTP_")}
    return Request(
        method=environ["REQUEST_METHOD"],
        path=environ["PATH_INFO"].encode("latin-1").decode(),
        query=dict(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)),
        headers=headers,
        body=body,
    )


def read_call(request: Request, service: str) -> ApiCall:
    """Return the operation that a request asks for; its name is empty when the service has no such operation."""
    if protocol(service) == "json":
        target = request.headers.get("x-amz-target", "")
        return ApiCall(service, target.rpartition(".")[2], json.loads(request.body or b"{}"), request.headers)
    if protocol(service) in {"query", "ec2"}:
        form = dict(parse_qsl(request.body.decode(), keep_blank_values=True))
        return ApiCall(service, form.get("Action", ""), form, request.headers)
    found = [(route, labels) for route in _routes(service) if (labels := route.labels(request)) is not None]
    if not found:
        return ApiCall(service, "", {}, request.headers)
    # GET /bucket/key is GetObject, and GET /bucket/key?acl something else: the more of the request is meant, the better
    route, labels = max(found, key=lambda one: one[0].weight)
    return ApiCall(service, route.operation, {**request.query, **labels}, request.headers)


@dataclass(frozen=True)
class _Route:
    """How a request for one operation of a REST service looks."""

    operation: str
    method: str
    path: re.Pattern[str]
    fixed: Mapping[str, str]
    needed_query: tuple[str, ...]
    needed_headers: tuple[str, ...]

    @property
    def weight(self) -> int:
        return len(self.fixed) + len(self.needed_query) + len(self.needed_headers)

    def labels(self, request: Request) -> dict[str, str] | None:
        """Return the parts of the path that the operation names, or None when the request is for another one."""
        found = self.path.fullmatch(request.path)
        is_meant = (
            self.method == request.method
            and all(request.query.get(name) == value for name, value in self.fixed.items())
            and all(name in request.query for name in self.needed_query)
            and all(name in request.headers for name in self.needed_headers)
        )
        return found.groupdict() if found and is_meant else None


@cache
def _model(service: str) -> ServiceModel:
    return botocore.session.get_session().get_service_model(_MODEL_NAMES.get(service, service))


@cache
def _routes(service: str) -> tuple[_Route, ...]:
    model = _model(service)
    return tuple(_route(model.operation_model(name)) for name in model.operation_names)


def _route(operation: OperationModel) -> _Route:
    path, _, query = operation.http["requestUri"].partition("?")
    pattern = re.sub(r"\{(\w+)(\+?)\}", lambda label: f"(?P<{label[1]}>{'.+' if label[2] else '[^/]+'})", path)
    return _Route(
        operation=operation.name,
        method=operation.http["method"],
        path=re.compile(pattern),
        fixed=dict(parse_qsl(query, keep_blank_values=True)),
        needed_query=_needed(operation, "querystring"),
        needed_headers=tuple(name.lower() for name in _needed(operation, "header")),
    )


def _needed(operation: OperationModel, location: str) -> tuple[str, ...]:
    shape = operation.input_shape
    members = [shape.members[name].serialization for name in shape.required_members] if shape else []
    return tuple(member["name"] for member in members if member.get("location") == location)
