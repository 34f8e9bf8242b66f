"""The emulated instance: it takes time, runs commands and containers for real, and takes them with it when it stops."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from fine_tune_slm.localcloud.fleet.fleet import StartFault


@pytest.fixture
def host(rehearsal):
    """A running instance with nothing on it; a test that needs it stopped stops it."""
    rehearsal.start_instance()
    (volume(rehearsal) / "out.txt").unlink(missing_ok=True)
    yield rehearsal
    boot = rehearsal.cloud.fleet.boot_of(rehearsal.outputs["InstanceId"])
    if boot:
        for container in boot.host.engine.containers:
            boot.host.engine.remove(container.request.name, is_forced=True)


def volume(rehearsal):
    return rehearsal.cloud.settings.volume_directory


def container_pid(rehearsal):
    boot = rehearsal.cloud.fleet.boot_of(rehearsal.outputs["InstanceId"])
    return next((container.pid for container in boot.host.engine.containers), None)


def test_starting_passes_through_pending_and_initializing(rehearsal):
    ec2, instance_id = rehearsal.cloud.client("ec2"), rehearsal.outputs["InstanceId"]
    launched_before = rehearsal.instance()["LaunchTime"]
    rehearsal.stop_instance()
    assert rehearsal.instance()["State"]["Name"] == "stopped"
    ec2.start_instances(InstanceIds=[instance_id])
    assert rehearsal.instance()["State"]["Name"] == "pending"
    with pytest.raises(ClientError, match="IncorrectInstanceState"):
        ec2.stop_instances(InstanceIds=[instance_id])
    with pytest.raises(ClientError, match="InvalidInstanceId"):
        rehearsal.send("hello")
    rehearsal.wait_for(lambda: rehearsal.instance()["State"]["Name"] == "running")

    def checks():
        return ec2.describe_instance_status(InstanceIds=[instance_id])["InstanceStatuses"][0]["InstanceStatus"][
            "Status"
        ]

    assert checks() == "initializing"
    rehearsal.wait_for(lambda: checks() == "ok")
    assert rehearsal.instance()["LaunchTime"] >= launched_before
    rehearsal.stop_instance()
    assert ec2.describe_instance_status(InstanceIds=[instance_id])["InstanceStatuses"] == []
    assert rehearsal.instance()["StateReason"]["Code"] == "Client.UserInitiatedShutdown"


def test_a_command_runs_with_the_hosts_environment(host):
    told = host.finished(
        host.send(
            "hello",
            CloudWatchOutputConfig={"CloudWatchOutputEnabled": True, "CloudWatchLogGroupName": "/local/commands"},
        )
    )
    assert (told["Status"], told["StatusDetails"], told["ResponseCode"]) == ("Success", "Success", 0)
    assert told["StandardOutputContent"] == f"hello on {volume(host).resolve()}"
    assert told["StandardErrorContent"] == "trouble"
    stream = f"{told['CommandId']}/{told['InstanceId']}/aws-runShellScript/stdout"
    events = host.cloud.client("logs").get_log_events(logGroupName="/local/commands", logStreamName=stream)["events"]
    assert [event["message"] for event in events] == [told["StandardOutputContent"]]


def test_exit_codes_mean_what_the_agent_makes_of_them(host):
    failed, reserved = (host.finished(host.send(action)) for action in ("fail", "reserved-success"))
    assert (failed["Status"], failed["StatusDetails"], failed["ResponseCode"]) == ("Failed", "Failed", 1)
    assert (reserved["Status"], reserved["ResponseCode"]) == ("Success", 168)


def test_output_is_cut_at_24_000_characters(host):
    assert len(host.finished(host.send("long"))["StandardOutputContent"]) == 24_000


def test_parameters_that_the_document_does_not_allow_are_refused(host):
    for parameters in ({"Action": ["rm -rf"]}, {"Action": ["hello"], "Other": ["x"]}):
        with pytest.raises(ClientError, match="InvalidParameters"):
            host.send("hello", parameters=parameters)


def test_a_command_that_takes_too_long_times_out(host):
    told = host.finished(host.send("sleep", parameters={"ExecutionTimeoutSeconds": ["5"]}))
    assert (told["Status"], told["StatusDetails"]) == ("TimedOut", "Execution Timed Out")
    assert told["ResponseCode"] == 137


def test_an_invocation_that_nobody_sent_does_not_exist(host):
    with pytest.raises(ClientError, match="InvocationDoesNotExist"):
        host.invocation("00000000-0000-4000-8000-000000000000")


def test_a_container_works_on_the_volume_and_its_output_is_logged(host):
    told = host.finished(host.send("container"))
    assert told["StandardOutputContent"].splitlines() == [
        "image",
        "container started",
        "ended with 0, oom false",
        "job",
        "job",
    ]
    assert (volume(host) / "out.txt").read_text() == "working"
    events = host.cloud.client("logs").get_log_events(logGroupName="/local/commands", logStreamName="job")["events"]
    assert events[-1]["message"] == "container started"
    assert "container started" in (host.cloud.root / "logs" / "training.log").read_text()


def test_cancelling_ends_the_script_but_not_the_container_and_stopping_ends_both(host, is_alive):
    command_id = host.send("background")
    pid = host.wait_for(lambda: container_pid(host))
    host.wait_for(lambda: (volume(host) / "out.txt").exists() and (volume(host) / "out.txt").read_text() == "working")
    host.cloud.client("ssm").cancel_command(CommandId=command_id)
    assert host.finished(command_id)["Status"] == "Cancelled"
    assert is_alive(pid)
    host.stop_instance()
    assert not is_alive(pid)
    assert (volume(host) / "out.txt").read_text() == "asked to end"


def test_stopping_the_instance_fails_its_commands(host):
    command_id = host.send("sleep")
    host.wait_for(lambda: host.invocation(command_id)["Status"] == "InProgress")
    host.stop_instance()
    assert host.invocation(command_id)["Status"] == "Failed"
    listed = host.cloud.client("ssm").list_command_invocations(CommandId=command_id)["CommandInvocations"]
    assert [entry["StatusDetails"] for entry in listed] == ["Failed"]


def test_a_lost_host_takes_its_container_without_a_warning(host, is_alive):
    host.send("background")
    pid = host.wait_for(lambda: container_pid(host))
    host.wait_for(lambda: (volume(host) / "out.txt").exists() and (volume(host) / "out.txt").read_text() == "working")
    host.cloud.fleet.crash(host.outputs["InstanceId"])
    assert not is_alive(pid)
    assert (volume(host) / "out.txt").read_text() == "working"
    assert host.instance()["StateReason"]["Code"] == "Server.InternalError"


def test_the_hosts_aws_copies_both_ways_with_checksums(host):
    told = host.finished(host.send("copy"))
    s3, bucket = host.cloud.client("s3"), host.outputs["BucketName"]
    assert s3.head_object(Bucket=bucket, Key="a/file.txt", ChecksumMode="ENABLED")["ChecksumSHA256"]
    assert s3.get_object(Bucket=bucket, Key="a/piped.txt")["Body"].read() == b"content\n"
    assert told["ResponseCode"] == 1
    assert "NoSuchKey" in told["StandardErrorContent"]


def test_the_host_acts_as_the_role_of_its_instance_profile(host):
    environment = host.cloud.fleet.boot_of(host.outputs["InstanceId"]).host.environment
    assert environment["AWS_ACCESS_KEY_ID"].startswith("ASIA")


def test_the_type_can_be_changed_while_the_instance_is_stopped_and_only_then(host):
    ec2, instance_id = host.cloud.client("ec2"), host.outputs["InstanceId"]
    change = {"InstanceId": instance_id, "InstanceType": {"Value": "g5.2xlarge"}}
    with pytest.raises(ClientError, match="IncorrectInstanceState"):
        ec2.modify_instance_attribute(**change)
    host.stop_instance()
    ec2.modify_instance_attribute(**change)
    assert host.instance()["InstanceType"] == "g5.2xlarge"


def test_an_injected_refusal_and_an_injected_lack_of_capacity_are_seen_once(rehearsal):
    faults, ec2 = rehearsal.cloud.fleet.start_faults, rehearsal.cloud.client("ec2")
    ids = [rehearsal.outputs["InstanceId"]]
    rehearsal.stop_instance()
    faults.append(StartFault("InsufficientInstanceCapacity"))
    faults.append(StartFault("Server.InsufficientInstanceCapacity", is_accepted=True))
    with pytest.raises(ClientError, match="InsufficientInstanceCapacity"):
        ec2.start_instances(InstanceIds=ids)
    ec2.start_instances(InstanceIds=ids)
    rehearsal.wait_for(lambda: rehearsal.instance()["State"]["Name"] == "stopped")
    assert rehearsal.instance()["StateReason"]["Code"] == "Server.InsufficientInstanceCapacity"
    rehearsal.start_instance()
