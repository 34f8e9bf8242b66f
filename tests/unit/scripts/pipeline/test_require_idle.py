"""A deployment waits for the runs of its own stage."""

import json

import boto3
import pytest
from moto import mock_aws

from scripts.pipeline.require_idle import running

ROLE = "arn:aws:iam::123456789012:role/machine"
DEFINITION = json.dumps({"StartAt": "Go", "States": {"Go": {"Type": "Pass", "End": True}}})


@pytest.fixture
def account():
    """Two stages, each a stack with the machine that it names."""
    with mock_aws():
        states, stacks = (boto3.client(name, "us-east-1") for name in ("stepfunctions", "cloudformation"))
        arns = {}
        for stage in ("prod", "staging"):
            made = states.create_state_machine(name=f"fine-tune-slm-{stage}", definition=DEFINITION, roleArn=ROLE)
            arns[stage] = made["stateMachineArn"]
            output = {"StateMachineArn": {"Value": arns[stage]}}
            body = {"Resources": {"Topic": {"Type": "AWS::SNS::Topic"}}, "Outputs": output}
            stacks.create_stack(StackName=f"fine-tune-slm-{stage}", TemplateBody=json.dumps(body))
        yield stacks, states, arns


def test_a_stage_in_which_nothing_runs_may_be_deployed(account):
    stacks, states, _arns = account
    assert running(stacks, states, "prod") == []


def test_a_running_execution_is_named_and_another_stages_is_nobodys_business(account):
    stacks, states, arns = account
    states.start_execution(stateMachineArn=arns["staging"], name="a-run")
    assert running(stacks, states, "staging") == ["a-run"]
    assert running(stacks, states, "prod") == []
