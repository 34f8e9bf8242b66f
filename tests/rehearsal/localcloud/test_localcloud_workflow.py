"""Lambda and Step Functions of the emulator: the handlers really run, and AWS's limits hold."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from fine_tune_slm.localcloud.seams import states


def events_of(rehearsal, description):
    return rehearsal.cloud.events(description["executionArn"])


@pytest.mark.parametrize("text", ["null", "[]", '"text"', "{}", "7"])
def test_any_json_reaches_the_first_state(rehearsal, text):
    description = rehearsal.run(text)
    entered = next(event for event in events_of(rehearsal, description) if event["type"] == "PassStateEntered")
    assert json.loads(entered["stateEnteredEventDetails"]["input"]) == json.loads(text)


def test_a_function_sees_its_layers_its_environment_and_its_role(rehearsal):
    description = rehearsal.run('{"do": "tell"}')
    told = json.loads(description["output"])["result"]["Payload"]
    assert told["mark"] == "from the layer"
    assert told["settings"] == {"answer": 42}
    assert told["scratch"].startswith(str(rehearsal.cloud.root))
    assert "assumed-role/" in told["caller"]
    assert "BehaveFunctionRole" in told["caller"]
    assert told["version"] == "1"
    assert 0 < told["remaining_ms"] <= 4000


def test_a_second_invocation_finds_the_process_warm(rehearsal):
    first, second = (
        json.loads(rehearsal.run('{"do": "tell"}')["output"])["result"]["Payload"]["pid"] for _ in range(2)
    )
    assert first == second


def test_a_python_error_keeps_its_name_and_is_retried_and_caught(rehearsal):
    description = rehearsal.run('{"do": "fail"}')
    assert (description["status"], description["error"]) == ("FAILED", "OwnError")
    failures = [event for event in events_of(rehearsal, description) if event["type"] == "TaskFailed"]
    assert len(failures) == 2


def test_a_function_that_exits_is_an_exit_error_and_the_next_call_works(rehearsal):
    assert rehearsal.run('{"do": "exit"}')["error"] == "Runtime.ExitError"
    assert rehearsal.run('{"do": "echo"}')["status"] == "SUCCEEDED"


def test_a_function_that_takes_too_long_is_killed(rehearsal):
    description = rehearsal.run('{"do": "sleep", "seconds": 30}')
    assert description["error"] == "Sandbox.Timedout"
    assert (description["stopDate"] - description["startDate"]).total_seconds() < 25


def test_a_function_that_cannot_be_imported_says_so(rehearsal):
    answer = rehearsal.cloud.client("lambda").invoke(FunctionName="broken", Payload=b"{}")
    error = json.loads(answer["Payload"].read())
    assert answer["FunctionError"] == "Unhandled"
    assert error["errorType"] == "Runtime.ImportModuleError"


def test_what_a_function_prints_is_in_its_log_group_and_file(rehearsal):
    rehearsal.run('{"do": "echo"}')
    logs = rehearsal.cloud.client("logs")
    found = logs.filter_log_events(logGroupName="/aws/lambda/behave")["events"]
    assert any("asked to echo" in event["message"] for event in found)
    assert "asked to echo" in (rehearsal.cloud.root / "logs" / "lambda" / "behave.log").read_text()


def test_waits_and_retries_are_scaled(rehearsal):
    description = rehearsal.run('{"do": "fail"}')
    assert (description["stopDate"] - description["startDate"]).total_seconds() < 10


def test_stopping_an_execution_ends_the_sleep_before_a_retry(rehearsal):
    client, arn = rehearsal.cloud.client("stepfunctions"), rehearsal.outputs["PatientArn"]
    execution = client.start_execution(stateMachineArn=arn, input='{"do": "fail"}')["executionArn"]
    rehearsal.wait_for(lambda: any(event["type"] == "TaskFailed" for event in rehearsal.cloud.events(execution)), 30)
    client.stop_execution(executionArn=execution)
    rehearsal.wait_for(lambda: client.describe_execution(executionArn=execution)["status"] == "ABORTED")
    types = [event["type"] for event in rehearsal.cloud.events(execution)]
    assert types.count("TaskFailed") == 1
    assert types[-1] == "ExecutionAborted"


def test_an_input_over_the_limit_is_refused_as_aws_does(rehearsal):
    too_large = json.dumps("x" * 262_143)
    with pytest.raises(ClientError, match="ValidationException") as refused:
        rehearsal.run(too_large)
    assert "262144" in str(refused.value)


def test_a_name_that_aws_forbids_is_refused(rehearsal):
    client, arn = rehearsal.cloud.client("stepfunctions"), rehearsal.outputs["MachineArn"]
    for name in ("a:b", "a b", "x" * 81):
        with pytest.raises(ClientError, match="InvalidName"):
            client.start_execution(stateMachineArn=arn, name=name, input="{}")


def test_a_result_over_the_limit_ends_the_execution_and_no_catch_sees_it(rehearsal):
    description = rehearsal.run('{"do": "grow", "size": 262200}')
    assert (description["status"], description["error"]) == ("FAILED", "States.DataLimitExceeded")


def test_an_endless_loop_ends_when_the_history_is_full(rehearsal, monkeypatch):
    assert states.MAX_EVENTS == 25_000
    monkeypatch.setattr(states, "MAX_EVENTS", 250)  # the same code at a hundredth of the time
    description = rehearsal.run('{"stop": false}', "LoopArn")
    assert (description["status"], description["error"]) == ("FAILED", "States.Runtime")
    events = events_of(rehearsal, description)
    assert len(events) == 250
    assert events[-1]["type"] == "ExecutionFailed"


def test_events_can_be_read_from_where_one_left_off(rehearsal):
    description = rehearsal.run("{}")
    events = events_of(rehearsal, description)
    assert rehearsal.cloud.events(description["executionArn"], after_id=events[2]["id"]) == events[3:]


def test_a_secret_without_a_value_is_there_and_empty(rehearsal):
    secrets = rehearsal.cloud.client("secretsmanager")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        secrets.get_secret_value(SecretId=rehearsal.outputs["SecretId"])
    secrets.put_secret_value(SecretId=rehearsal.outputs["SecretId"], SecretString="value")
    assert secrets.get_secret_value(SecretId="token")["SecretString"] == "value"


def test_an_alias_leads_to_the_published_version(rehearsal):
    alias = rehearsal.cloud.client("lambda").get_alias(FunctionName="behave", Name="live")
    assert alias["FunctionVersion"] == "1"
