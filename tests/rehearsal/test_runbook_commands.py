"""docs/runbook.md is tried out: each `aws` command, read out of the page, runs against a stage that has had a run.

PyPI has version 1 of the AWS CLI alone: it lacks `aws logs tail`, so that filter-log-events reads the same log, and for
SQS it must be told where the emulated AWS is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from fine_tune_slm.localcloud import LocalCloud
from fine_tune_slm.naming import DEFAULT_STAGE, stack_name
from tests.rehearsal.aws_cli import Shell, shell_of
from tests.rehearsal.conftest import PROJECT, TinyStage
from tests.rehearsal.permission_scenarios import entered, is_leased, wait_for

PAGE = (PROJECT / "docs" / "runbook.md").read_text(encoding="utf-8")
COMMANDS = list(dict.fromkeys(re.findall(r"(?:(?<=`)|(?<=^ {4}))aws [a-z0-9-]+ [a-z][^`\n]+", PAGE, re.MULTILINE)))
NOT_EMULATED = {
    "aws ssm start-session": "a session is a web socket that AWS's plugin speaks",
    "aws service-quotas list-service-quotas": "moto has no quotas of EC2",
}
RUN_HERE = [command for command in COMMANDS if not command.startswith(tuple(NOT_EMULATED))]
SILENT = "aws sqs purge-queue"
NO_PLACEHOLDERS = ("RUNNING", "FAILED", "TOKEN")
RUN = "a-run"


@pytest.fixture(scope="module")
def stage(tiny_settings, tiny_spec, set_up_stage) -> Iterator[TinyStage]:
    """A stage on which a run was published and the reaper gave up on an event; the sweeper leaves its host alone."""
    with LocalCloud(tiny_settings.model_copy(update={"schedules_fire": False})) as cloud:
        stage = set_up_stage(cloud, tiny_spec)
        assert stage.run(RUN).timeline.status == "SUCCEEDED"
        cloud.client("sqs").send_message(QueueUrl=stage.stage.outputs["FailureQueueUrl"], MessageBody="an event")
        yield stage


@pytest.fixture
def host(stage) -> Iterator[str]:
    """The id of the instance, whose agent takes commands; a run that is started there is ended."""
    instance_id = stage.stage.outputs["InstanceId"]
    wait_for(lambda: stage.instance()["State"]["Name"] in {"stopped", "running"})
    stage.cloud.client("ec2").start_instances(InstanceIds=[instance_id])
    wait_for(lambda: stage.cloud.fleet.agent_of(instance_id))
    yield instance_id
    states, machine = stage.cloud.client("stepfunctions"), stage.stage.outputs["StateMachineArn"]
    for running in states.list_executions(stateMachineArn=machine, statusFilter="RUNNING")["executions"]:
        wait_for(partial(entered, stage, running["executionArn"], "CheckInstance"))
        states.stop_execution(executionArn=running["executionArn"])
        wait_for(lambda: not is_leased(stage) and stage.instance()["State"]["Name"] == "stopped")


@pytest.fixture
def words(stage, host) -> dict[str, str]:
    """What stands for the page's words in capitals."""
    outputs = stage.stage.outputs
    ssm, s3 = stage.cloud.client("ssm"), stage.cloud.client("s3")
    order = {"Action": "probe", "RunId": RUN, "Fence": "0", "RunUri": f"s3://{stage.stage.bucket}/runs/{RUN}/run.json"}
    sent = ssm.send_command(
        InstanceIds=[host],
        DocumentName=outputs["CommandDocumentName"],
        Parameters={name: [value] for name, value in order.items()},
    )
    (releases,) = s3.list_objects_v2(Bucket=stage.stage.bucket, Prefix="releases/")["Contents"]
    return {re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper(): value for name, value in outputs.items()} | {
        "STAGE": DEFAULT_STAGE,
        "STACK": stack_name(),
        "RUN": RUN,
        "EXECUTION_ARN": f"{outputs['StateMachineArn'].replace(':stateMachine:', ':execution:')}:{RUN}",
        "SECRET_ID": outputs["HubReadTokenSecretId"],
        "OBJECT": releases["Key"],
        "COMMAND_ID": sent["Command"]["CommandId"],
        **{word: word for word in NO_PLACEHOLDERS},
    }


@pytest.fixture
def shell(stage, tmp_path: Path) -> Shell:
    """A shell in front of the stage's account."""
    return shell_of(stage.cloud, tmp_path, {"TOKEN": stage.stage.read_token, "AWS_MAX_ATTEMPTS": "1"})


def filled_in(command: str, words: dict[str, str]) -> str:
    """Return a command with the stack's names, as version 1 of the AWS CLI has it."""
    filled = re.sub(r"\b[A-Z][A-Z_]+\b", lambda found: words[found[0]], command)
    filled = re.sub(r"^aws sqs", 'aws --endpoint-url "$AWS_ENDPOINT_URL" sqs', filled)
    return re.sub(r"^aws logs tail (\S+)(.*) --since \w+$", r"aws logs filter-log-events --log-group-name \1\2", filled)


@pytest.mark.parametrize("command", RUN_HERE, ids=str)
def test_a_command_of_the_runbook_runs_and_shows_something(command: str, shell: Shell, words: dict[str, str]):
    shown = shell.succeed(filled_in(command, words)).strip()
    assert bool(shown) is not command.startswith(SILENT)
    assert "--query" not in command or "null" not in shown


@pytest.mark.parametrize("beginning", NOT_EMULATED)
def test_what_is_not_run_stands_on_the_page_and_is_refused_by_the_emulated_aws_alone(beginning, shell, words):
    (command,) = [command for command in COMMANDS if command.startswith(beginning)]
    ended = shell.type(filled_in(command, words))
    assert ended.returncode == 255, ended.stderr
    assert "An error occurred" in ended.stderr


@pytest.mark.parametrize(("action", "shown"), [("probe", "boot "), ("stop", "")])
def test_the_host_does_what_a_command_sent_by_hand_asks(action, shown, stage, shell, words):
    (command,) = [command for command in COMMANDS if f"Action={action}" in command]
    command_id = shell.succeed(filled_in(command, words)).strip()
    asked = {"CommandId": command_id, "InstanceId": words["INSTANCE_ID"]}
    ssm = stage.cloud.client("ssm")
    wait_for(lambda: ssm.get_command_invocation(**asked)["Status"] == "Success")
    assert ssm.get_command_invocation(**asked)["StandardOutputContent"].startswith(shown)


def test_every_mention_of_the_aws_cli_is_a_command_that_was_found():
    mentioned = set(re.findall(r"\baws [a-z0-9-]+ [a-z][a-z-]+", PAGE))
    assert mentioned == {" ".join(command.split()[:3]) for command in COMMANDS}
