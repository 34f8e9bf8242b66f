"""The frame of every handler: leaf errors out, nothing of the input in messages and logs."""

import io
import json

import pytest
from botocore.exceptions import EndpointConnectionError
from pydantic import BaseModel
from slm_core import errors
from slm_core.aws import as_leaf
from slm_core.step import logger, step

from tests.unit.emulated_account import aws_error

SECRET = "the patient's note"


class _Input(BaseModel):
    run_id: int


@pytest.fixture
def log():
    """What the functions log."""
    stream, handler = io.StringIO(), logger.registered_handler
    before = handler.setStream(stream)
    yield stream
    handler.setStream(before)


def _handler(error):
    @step
    def handler(event, _context):
        raise error

    return handler


@pytest.mark.parametrize(
    ("code", "status", "leaf"),
    [
        ("ThrottlingException", 400, errors.AwsUnavailableError),
        ("RequestLimitExceeded", 503, errors.AwsUnavailableError),
        ("SlowDown", 503, errors.AwsUnavailableError),
        ("Whatever", 500, errors.AwsUnavailableError),
        ("TooManyRequestsException", 429, errors.AwsUnavailableError),
        ("AccessDeniedException", 400, errors.PermissionDeniedError),
        ("UnauthorizedOperation", 403, errors.PermissionDeniedError),
        ("AccessDenied", 403, errors.PermissionDeniedError),
        ("ValidationException", 400, errors.AwsRefusedError),
        ("NoSuchBucket", 404, errors.AwsRefusedError),
    ],
)
def test_an_error_of_aws_becomes_a_leaf_that_names_the_call_and_no_account(code, status, leaf):
    with pytest.raises(leaf, match=f"DescribeInstances.*{code}") as raised:
        _handler(aws_error(code, "DescribeInstances", status))({}, None)
    assert "123456789012" not in str(raised.value)


def test_a_call_without_an_answer_can_be_tried_again():
    error = as_leaf(EndpointConnectionError(endpoint_url="https://ec2"))
    assert isinstance(error, errors.AwsUnavailableError)


def test_a_malformed_input_is_refused_without_being_quoted(capsys, log):
    @step
    def handler(event, _context):
        return _Input.model_validate(event).model_dump()

    with pytest.raises(errors.StateInvalidError, match="run_id") as raised:
        handler({"run_id": SECRET}, None)
    assert raised.value.__cause__ is None
    assert SECRET not in str(raised.value) + capsys.readouterr().out + log.getvalue()


def test_the_log_says_which_run_and_state_and_nothing_of_the_event(capsys, log):
    @step
    def handler(event, _context):
        return {"answer": SECRET}

    event = {"execution": {"name": "run-1"}, "run": {"fence": 7}, "request": SECRET}
    assert handler(event, None) == {"answer": SECRET}
    line = json.loads(log.getvalue())
    assert (line["run_id"], line["fence"], line["state"]) == ("run-1", 7, "test_step")
    assert SECRET not in log.getvalue() + capsys.readouterr().out


@pytest.mark.parametrize("event", [None, [], "text", {"execution": "text", "run": None}])
def test_an_event_of_any_shape_reaches_the_handler(event):
    @step
    def handler(event, _context):
        return {"got": event}

    assert handler(event, None) == {"got": event}


@pytest.mark.parametrize(
    ("error", "metric"), [(errors.DiskFullError, "StepFailed"), (errors.InstanceChangingError, "StepToBeRetried")]
)
def test_a_failure_is_counted_by_state_and_a_retry_is_not_a_failure(capsys, error, metric):
    with pytest.raises(error):
        _handler(error("a sentence"))({}, None)
    (told,) = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert (told["state"], told[metric]) == ("test_step", [1.0])
