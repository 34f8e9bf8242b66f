"""CheckInstance: checks, agent and a probe of this boot, in this order; too late is impaired."""

from datetime import timedelta

import pytest
from slm_core.aws import client
from slm_core.errors import InstanceNotReadyError

from lambdas.check_instance import handler
from tests.unit.emulated_account import START, answering, refusing


@pytest.fixture
def host(account, monkeypatch):
    """A started instance, as EC2 and the agent describe it; a test changes the descriptions."""
    state = account.prepare(limits__max_relaunches=1)
    client("ec2").start_instances(InstanceIds=[account.instance_id])
    state["instance"] = {
        "instance_id": account.instance_id,
        "instance_type": "g6.2xlarge",
        "launched_at": START.isoformat(),
        "deadline_at": (START + timedelta(hours=6)).isoformat(),
        "wait_seconds": 15,
    }
    host = {"state": state, "account": account, "checks": "ok", "ping": START + timedelta(seconds=90), "sent": []}
    host |= {"status": "Success", "output": "boot 1c7a\n"}

    def checks(_request):
        status = {"SystemStatus": {"Status": host["checks"]}, "InstanceStatus": {"Status": "ok"}}
        return {"InstanceStatuses": [status]}

    def agents(_request):
        return {"InstanceInformationList": [{"PingStatus": "Online", "LastPingDateTime": host["ping"]}]}

    def send(request):
        host["sent"].append(request["Parameters"]["Action"][0])
        return {"Command": {"CommandId": f"probe-{len(host['sent'])}"}}

    def look(_request):
        return {"StatusDetails": host["status"], "StandardOutputContent": host["output"]}

    answering("ec2", {"DescribeInstanceStatus": checks}, monkeypatch)
    answers = {"DescribeInstanceInformation": agents, "SendCommand": send, "GetCommandInvocation": look}
    answering("ssm", answers, monkeypatch)
    return host


def _look(host):
    host["state"]["instance"] = handler(host["state"], None)
    return host["state"]["instance"]


def test_a_host_is_ready_when_this_boot_has_answered_a_probe(host):
    assert (_look(host)["status"], host["sent"]) == ("starting", ["probe"])
    assert _look(host)["status"] == "ready"
    assert host["account"].lease().heartbeat_at == START


def test_no_probe_is_sent_while_status_checks_are_initializing(host):
    host["checks"] = "initializing"
    assert (_look(host)["status"], host["sent"]) == ("starting", [])


def test_a_ping_of_an_earlier_boot_is_not_believed(host):
    host["ping"] = START - timedelta(seconds=1)
    assert (_look(host)["status"], host["sent"]) == ("starting", [])


@pytest.mark.parametrize(
    ("status", "output"), [("Failed", ""), ("DeliveryTimedOut", ""), ("Success", "something else")]
)
def test_a_probe_that_failed_is_sent_again(host, status, output):
    host |= {"status": status, "output": output}
    assert _look(host)["probe_command_id"] == "probe-1"
    assert _look(host)["probe_command_id"] is None
    assert _look(host)["probe_command_id"] == "probe-2"


def test_a_probe_under_way_is_waited_for(host):
    host["status"] = "InProgress"
    _look(host)
    assert (_look(host)["status"], host["sent"]) == ("starting", ["probe"])


def test_an_agent_that_refuses_the_probe_is_asked_again(host, monkeypatch):
    refusing("ssm", {"SendCommand": "InvalidInstanceId"}, monkeypatch)
    assert (_look(host)["status"], _look(host)["probe_command_id"]) == ("starting", None)


@pytest.mark.parametrize("what", ["checks", "state", "late"])
def test_a_host_that_does_not_become_ready_is_impaired(host, what):
    if what == "checks":
        host["checks"] = "impaired"
    if what == "state":
        client("ec2").stop_instances(InstanceIds=[host["account"].instance_id])
    if what == "late":
        host["account"].time.forward(minutes=16)
    instance = _look(host)
    assert instance["status"] == "impaired"
    assert instance["reason"]


def test_the_same_launch_is_counted_once_and_a_host_impaired_too_often_fails(host):
    host["checks"] = "impaired"
    _look(host)
    assert _look(host)["status"] == "impaired"
    host["state"]["instance"]["launched_at"] = (START + timedelta(minutes=10)).isoformat()
    with pytest.raises(InstanceNotReadyError, match="After 2 attempts a status check"):
        _look(host)
