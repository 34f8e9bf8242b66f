"""Clients of AWS, made on first use, and the translation of AWS's errors into ours."""

from __future__ import annotations

from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from slm_core.errors import AwsRefusedError, AwsUnavailableError, FineTuneSlmError, PermissionDeniedError

# Short enough that the slowest series of attempts ends before the function's own timeout.
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=3, read_timeout=10)
_TRANSIENT_CODES = {
    "ConditionalRequestConflict",
    "InternalError",
    "InternalFailure",
    "InternalServerError",
    "LimitExceededException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestTimeout",
    "RequestTimeoutException",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "TooManyUpdates",
    "TransactionInProgressException",
    "Unavailable",
}
_DENIED_CODES = {"403", "AccessDenied", "AccessDeniedException", "AuthFailure", "UnauthorizedOperation"}


@cache
def client(service: str) -> Any:
    """Return the client of a service; region, endpoint and credentials come from the environment."""
    return boto3.client(service, config=_CONFIG)  # type: ignore[call-overload]


@cache
def table(name: str) -> Any:
    """Return a DynamoDB table."""
    return boto3.resource("dynamodb", config=_CONFIG).Table(name)


def forget_clients() -> None:
    """Drop the clients, so that the next ones are made with the environment as it is then."""
    client.cache_clear()
    table.cache_clear()


def error_code(error: ClientError) -> str:
    """Return AWS's name of an error."""
    return str(error.response.get("Error", {}).get("Code", ""))


def as_leaf(error: ClientError | BotoCoreError) -> FineTuneSlmError:
    """Return our error for one of AWS's, with call and code; AWS's own text is left out, because it names accounts."""
    if isinstance(error, BotoCoreError):
        return AwsUnavailableError(f"A call to AWS got no answer ({type(error).__name__})")
    code, call = error_code(error), error.operation_name
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if code in _TRANSIENT_CODES or status == 429 or status >= 500:
        return AwsUnavailableError(f"AWS could not serve {call} ({code})")
    if code in _DENIED_CODES or status == 403:
        return PermissionDeniedError(f"The role in use may not call {call} ({code})")
    return AwsRefusedError(f"AWS refused {call} ({code})")
