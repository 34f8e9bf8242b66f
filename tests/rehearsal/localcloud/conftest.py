"""One emulated AWS with a small stack, shared by the rehearsals of the emulator itself."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fine_tune_slm.localcloud import InstanceTimings, LocalCloud, LocalCloudSettings

STACK = Path(__file__).parent / "stack"
TIMINGS = InstanceTimings(
    pending_seconds=1.0, status_checks_seconds=3.0, agent_seconds=1.0, stopping_seconds=0.1, grace_seconds=3
)


@pytest.fixture
def is_alive() -> Callable[[int], bool]:
    """Tells whether a process still runs; one that has ended and waits to be reaped does not."""

    def tell(pid: int) -> bool:
        listed = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return bool(listed.stdout.strip()) and not listed.stdout.startswith("Z")

    return tell


@dataclass(frozen=True)
class Rehearsal:
    """A running emulator and what its stack gave out."""

    cloud: LocalCloud
    outputs: dict[str, str]
    others_threads: frozenset[threading.Thread]
    """Those that were there before it, a browser's for example."""

    def wait_for(self, claim: Callable[[], Any], seconds: float = 15) -> Any:
        """Return the first true value of the claim."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if value := claim():
                return value
            time.sleep(0.02)
        raise AssertionError("did not become true in time")

    def run(self, execution_input: str, machine: str = "MachineArn") -> dict[str, Any]:
        """Return the description of an execution that has ended."""
        states = self.cloud.client("stepfunctions")
        arn = states.start_execution(stateMachineArn=self.outputs[machine], input=execution_input)["executionArn"]

        def ended() -> dict[str, Any] | None:
            description = states.describe_execution(executionArn=arn)
            return None if description["status"] == "RUNNING" else description

        return self.wait_for(ended, 60)

    def instance(self) -> dict[str, Any]:
        """Return the instance as DescribeInstances tells it."""
        found = self.cloud.client("ec2").describe_instances(InstanceIds=[self.outputs["InstanceId"]])
        return found["Reservations"][0]["Instances"][0]

    def start_instance(self) -> str:
        """Return the id of the instance once its agent takes commands."""
        instance_id = self.outputs["InstanceId"]
        self.wait_for(lambda: self.instance()["State"]["Name"] in {"stopped", "running"})
        self.cloud.client("ec2").start_instances(InstanceIds=[instance_id])
        ssm = self.cloud.client("ssm")

        def is_online() -> bool:
            found = ssm.describe_instance_information(Filters=[{"Key": "InstanceIds", "Values": [instance_id]}])
            return any(entry["PingStatus"] == "Online" for entry in found["InstanceInformationList"])

        self.wait_for(is_online)
        return instance_id

    def stop_instance(self) -> None:
        """Return when the instance is stopped; a stopped one stays so."""
        self.cloud.client("ec2").stop_instances(InstanceIds=[self.outputs["InstanceId"]])
        self.wait_for(lambda: self.instance()["State"]["Name"] == "stopped")

    def send(self, action: str, **more: Any) -> str:
        """Return the id of a command just sent."""
        parameters = {"Action": [action], **more.pop("parameters", {})}
        ids = [self.outputs["InstanceId"]]
        sent = self.cloud.client("ssm").send_command(
            InstanceIds=ids, DocumentName="shell", Parameters=parameters, **more
        )
        return sent["Command"]["CommandId"]

    def invocation(self, command_id: str) -> dict[str, Any]:
        """Return how a command stands."""
        ssm = self.cloud.client("ssm")
        return ssm.get_command_invocation(CommandId=command_id, InstanceId=self.outputs["InstanceId"])

    def finished(self, command_id: str, seconds: float = 20) -> dict[str, Any]:
        """Return a command that is over."""
        running = {"Pending", "InProgress", "Cancelling"}

        def over() -> dict[str, Any] | None:
            found = self.invocation(command_id)
            return None if found["Status"] in running else found

        return self.wait_for(over, seconds)


@pytest.fixture(scope="module")
def rehearsal(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    """A deployed stack."""
    settings = LocalCloudSettings(
        root=tmp_path_factory.mktemp("cloud"),
        wait_scale=0.01,
        timings=TIMINGS,
        container_entry_point=(sys.executable, str(STACK / "job.py")),
    )
    others = frozenset(threading.enumerate())
    with LocalCloud(settings) as cloud:
        yield Rehearsal(cloud, cloud.deploy(STACK / "template.yaml"), others)
