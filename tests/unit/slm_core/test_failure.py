"""A failure as a person reads it."""

import json

import pytest
from slm_core.failure import Explained, explain, with_instance
from slm_core.records import InstanceRecord
from slm_core.state import Failure


def _lambda_cause(message, error):
    return json.dumps({"errorMessage": message, "errorType": error, "stackTrace": ["  File x"]})


def test_the_message_of_our_error_is_unpacked_from_lambdas_json():
    failure = Failure(Error="DiskFullError", Cause=_lambda_cause("The disk is full", "DiskFullError"))
    assert explain(failure) == Explained(error="DiskFullError", cause="The disk is full")


def test_the_text_of_a_bug_is_left_out_because_it_may_quote_its_input():
    cause = explain(Failure(Error="KeyError", Cause=_lambda_cause("'the patient'", "KeyError"))).cause
    assert "patient" not in cause
    assert "KeyError is a bug" in cause


def test_an_error_of_aws_keeps_its_cause_without_the_account():
    cause = explain(
        Failure(Error="States.Timeout", Cause="Task arn:aws:lambda:us-east-1:123456789012:x timed out")
    ).cause
    assert cause == "Task arn:aws:lambda:us-east-1:************:x timed out"


def test_a_missing_cause_is_told():
    assert explain(Failure(Error="States.Timeout")).cause == "States.Timeout: Step Functions gave no cause."


@pytest.mark.parametrize("cause", ["[]", "null", '"text"', "{", '{"a": 1}'])
def test_a_cause_that_is_not_lambdas_json_is_taken_as_it_is(cause):
    assert explain(Failure(Error="DiskFullError", Cause=cause)).cause == cause


@pytest.mark.parametrize(
    ("state", "warns"), [("stopped", False), ("never_started", False), ("running", True), ("unknown", True)]
)
def test_an_instance_that_was_not_seen_stopped_is_shouted_about(state, warns):
    cause = with_instance(Explained(error="E", cause="C."), InstanceRecord(instance_id="i-1", state=state)).cause
    assert ("aws ec2 stop-instances --instance-ids i-1" in cause) is warns
