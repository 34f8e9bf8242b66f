"""Lambda: an invocation really runs the function, where moto without Docker gives back what it was given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.awslambda.models import LambdaFunction
from moto.awslambda_simple.models import LambdaSimpleBackend

from fine_tune_slm.localcloud.runtime.functions import Functions, FunctionVersion
from fine_tune_slm.localcloud.seams.seam import Seam


def seams(functions: Functions) -> list[Seam]:
    """Return the seams of Lambda."""
    parameters = ("self", "function_name", "qualifier", "body", "headers", "response_headers")
    return [Seam(LambdaSimpleBackend, "invoke", parameters, lambda _: _running(functions))]


def _running(functions: Functions) -> Callable[..., bytes]:
    def invoke(self: LambdaSimpleBackend, function_name: str, qualifier: str | None, *call: Any, **named: Any) -> bytes:
        body, headers, response_headers = (*call, *named.values())
        function = function_version(self, self.get_function(function_name, qualifier))
        event = body.encode() if isinstance(body, str) else body or b""
        if headers.get("X-Amz-Invocation-Type") == "Event":
            functions.invoke_later(function, event)
            return b""
        outcome = functions.invoke(function, event)
        if outcome.is_error:
            response_headers["x-amz-function-error"] = "Unhandled"
        return outcome.payload

    return invoke


def function_version(backend: LambdaSimpleBackend, function: LambdaFunction) -> FunctionVersion:
    """Return moto's function as what this project runs."""
    layers = [backend.layers_versions_by_arn(layer["Arn"]) for layer in function.layers]
    return FunctionVersion(
        name=function.function_name,
        arn=function.function_arn,
        version=str(function.version),
        role_arn=function.role,
        handler=str(function.handler),
        runtime=str(function.run_time),
        memory_mb=int(function.memory_size),
        timeout_seconds=float(function.timeout),
        variables=dict(function.environment_vars),
        code=function.code_bytes,
        layers=[layer.code_bytes for layer in layers if layer],
    )
