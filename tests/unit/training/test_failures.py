"""Foreign exceptions become named errors without their text."""

import errno
import pickle
import sys

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from loguru import logger
from slm_core.errors import DatasetInvalidError

from training.failures import as_known_error, log_failure

SECRET = "SYNTHETIC-NOTE-TEXT"


class OutOfMemoryError(RuntimeError):
    """Named like torch's."""


class SafetensorError(Exception):
    """Named like safetensors'."""


def raised(error):
    try:
        raise error
    except type(error) as caught:
        return caught


@pytest.mark.parametrize(
    ("error", "name", "exit_code"),
    [
        (MemoryError(SECRET), "TrainingOutOfMemoryError", 23),
        (OutOfMemoryError(SECRET), "TrainingOutOfMemoryError", 23),
        (RuntimeError(f"DefaultCPUAllocator: can't allocate memory {SECRET}"), "TrainingOutOfMemoryError", 23),
        (OSError(errno.ENOSPC, SECRET), "DiskFullError", 25),
        (SafetensorError(f"I/O error: No space left on device (os error 28) {SECRET}"), "DiskFullError", 25),
        (RuntimeError(f"[enforce fail at inline_container.cc] . unexpected pos 64 vs 0 {SECRET}"), "DiskFullError", 25),
        (RuntimeError(f"basic_ios::clear: iostream error {SECRET}"), "DiskFullError", 25),
        (ClientError({"Error": {"Code": "SlowDown", "Message": SECRET}}, "GetObject"), "AwsUnavailableError", 75),
        (ClientError({"Error": {"Code": "AccessDenied", "Message": SECRET}}, "GetObject"), "PermissionDeniedError", 1),
        (ClientError({"Error": {"Code": "NoSuchBucket", "Message": SECRET}}, "GetObject"), "AwsRefusedError", 1),
        (EndpointConnectionError(endpoint_url=SECRET), "AwsUnavailableError", 75),
        (ValueError(SECRET), "TrainingFailedError", 29),
        (pickle.UnpicklingError(SECRET), "TrainingFailedError", 29),
    ],
)
def test_a_foreign_exception_gets_its_name_and_loses_its_text(error, name, exit_code):
    known = as_known_error(raised(error))
    assert type(known).__name__ == name
    assert known.exit_code == exit_code
    assert SECRET not in str(known)


def test_a_full_disk_is_recognised_below_a_wrapping_exception():
    wrapped = RuntimeError("PytorchStreamWriter failed")
    wrapped.__cause__ = OSError(errno.ENOSPC, "full")
    assert type(as_known_error(wrapped)).__name__ == "DiskFullError"


def test_an_error_of_our_own_stays_what_it_is():
    error = DatasetInvalidError("train.jsonl: line 3")
    assert as_known_error(error) is error


def test_the_log_of_a_failure_shows_places_and_no_text(capsys):
    sink = logger.add(sys.stderr, format="{message}", diagnose=False)
    log_failure(raised(ValueError(SECRET)))
    logger.remove(sink)
    printed = capsys.readouterr().err
    assert "test_failures.py" in printed
    assert "ValueError" in printed
    assert SECRET not in printed
