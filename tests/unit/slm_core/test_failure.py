"""A failure as a person reads it."""

import json

import pytest
from slm_core.errors import StepCrashedError, leaves
from slm_core.failure import Explained, explain, with_instance
from slm_core.records import InstanceRecord
from slm_core.state import Failure


def _lambda_cause(message, error):
    return json.dumps({"errorMessage": message, "errorType": error, "stackTrace": ["  File x"]})


def test_the_message_of_our_error_is_unpacked_from_lambdas_json():
    failure = Failure(Error="DiskFullError", Cause=_lambda_cause("The disk is full", "DiskFullError"))
    assert explain(failure) == Explained(error="DiskFullError", cause="The disk is full")


def test_the_text_of_a_bug_is_left_out_because_it_may_quote_its_input():
    explained = explain(Failure(Error="KeyError", Cause=_lambda_cause("'the patient'", "KeyError")))
    assert "patient" not in explained.cause
    assert explained.error == "StepCrashedError"
    assert "KeyError" in explained.cause
    assert StepCrashedError.remedy in explained.cause


def test_an_error_of_aws_keeps_its_cause_without_the_account():
    explained = explain(
        Failure(Error="Lambda.Unknown", Cause="Task arn:aws:lambda:us-east-1:123456789012:x ended without an answer")
    )
    assert "Lambda.Unknown (Task arn:aws:lambda:us-east-1:************:x ended" in explained.cause


@pytest.mark.parametrize(
    ("error", "shown"),
    [("States.Timeout", "StepTimedOutError"), ("States.Runtime", "StepCrashedError"), ("KeyError", "StepCrashedError")],
)
def test_no_name_that_a_fail_state_may_not_show_is_passed_on(error, shown):
    explained = explain(Failure(Error=error))
    assert explained.error == shown
    assert leaves()[shown].remedy in explained.cause


def test_a_foreign_text_is_cut_before_the_remedy():
    assert StepCrashedError.remedy in explain(Failure(Error="Lambda.Unknown", Cause="x" * 9000)).cause


@pytest.mark.parametrize("cause", ["[]", "null", '"text"', "{", '{"a": 1}'])
def test_a_cause_that_is_not_lambdas_json_is_taken_as_it_is(cause):
    assert explain(Failure(Error="DiskFullError", Cause=cause)).cause == cause


@pytest.mark.parametrize(
    ("state", "warns"), [("stopped", False), ("never_started", False), ("running", True), ("unknown", True)]
)
def test_an_instance_that_was_not_seen_stopped_is_shouted_about(state, warns):
    cause = with_instance(Explained(error="E", cause="C."), InstanceRecord(instance_id="i-1", state=state)).cause
    assert ("aws ec2 stop-instances --instance-ids i-1" in cause) is warns
