"""Run Command: what is sent, what is never sent, and what each status of AWS means."""

from datetime import timedelta

import pytest
from botocore.stub import ANY, Stubber
from slm_core.aws import client
from slm_core.errors import CommandUndeliverableError
from slm_core.run_command import CommandPhase, Order, RunCommand

from tests.unit.emulated_account import START, answering, refusing

ORDER = Order(
    action="train", run_id="run-1", fence=3, run_uri="s3://b/runs/run-1/run.json", execution_timeout_seconds=60
)


def _commands(account):
    return RunCommand(account.instance_id, "a-document", "a-log-group")


def test_an_order_is_sent_through_our_document_with_ids_and_a_uri_only(account):
    parameters = {
        "Action": ["train"],
        "RunId": ["run-1"],
        "Fence": ["3"],
        "RunUri": ["s3://b/runs/run-1/run.json"],
        "ExecutionTimeoutSeconds": ["60"],
    }
    expected = {
        "InstanceIds": [account.instance_id],
        "DocumentName": "a-document",
        "Parameters": parameters,
        "Comment": ANY,
        "TimeoutSeconds": ANY,
        "CloudWatchOutputConfig": {"CloudWatchLogGroupName": "a-log-group", "CloudWatchOutputEnabled": True},
    }
    with Stubber(client("ssm")) as ssm:
        ssm.add_response("send_command", {"Command": {"CommandId": "c" * 36}}, expected)
        assert _commands(account).send(ORDER) == "c" * 36


def test_an_agent_that_is_not_there_can_be_tried_again(account, monkeypatch):
    refusing("ssm", {"SendCommand": "InvalidInstanceId"}, monkeypatch)
    with pytest.raises(CommandUndeliverableError):
        _commands(account).send(ORDER)


@pytest.mark.parametrize(
    ("details", "phase"),
    [
        ("Pending", CommandPhase.UNDER_WAY),
        ("InProgress", CommandPhase.UNDER_WAY),
        ("In Progress", CommandPhase.UNDER_WAY),
        ("Delayed", CommandPhase.UNDER_WAY),
        ("Success", CommandPhase.SUCCEEDED),
        ("Failed", CommandPhase.FAILED),
        ("Delivery Timed Out", CommandPhase.FAILED),
        ("ExecutionTimedOut", CommandPhase.FAILED),
        ("Undeliverable", CommandPhase.FAILED),
        ("Terminated", CommandPhase.FAILED),
        ("Access Denied", CommandPhase.FAILED),
        ("Invalid Platform", CommandPhase.FAILED),
        ("Cancelled", CommandPhase.FAILED),
        ("SomethingNew", CommandPhase.UNKNOWN),
    ],
)
def test_each_status_has_a_meaning_and_an_unknown_one_is_not_an_end(account, monkeypatch, details, phase):
    answering("ssm", {"GetCommandInvocation": lambda _: {"StatusDetails": details}}, monkeypatch)
    assert _commands(account).look("c").phase is phase


def test_a_command_that_has_not_appeared_yet_is_unknown(account, monkeypatch):
    refusing("ssm", {"GetCommandInvocation": "InvocationDoesNotExist"}, monkeypatch)
    assert _commands(account).look("c").phase is CommandPhase.UNKNOWN


@pytest.mark.parametrize(
    ("ping", "minutes_after_launch", "is_online"),
    [("Online", 1, True), ("Online", -1, False), ("ConnectionLost", 1, False)],
)
def test_a_ping_counts_only_when_it_is_of_this_launch(account, monkeypatch, ping, minutes_after_launch, is_online):
    agent = {"PingStatus": ping, "LastPingDateTime": START + timedelta(minutes=minutes_after_launch)}
    answering("ssm", {"DescribeInstanceInformation": lambda _: {"InstanceInformationList": [agent]}}, monkeypatch)
    assert _commands(account).agent_is_online_since(START) is is_online


def test_an_unregistered_agent_is_not_online(account, monkeypatch):
    answering("ssm", {"DescribeInstanceInformation": lambda _: {"InstanceInformationList": []}}, monkeypatch)
    assert not _commands(account).agent_is_online_since(START)
