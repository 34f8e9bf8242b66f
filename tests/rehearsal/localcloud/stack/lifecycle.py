"""Opens two emulated AWS one after the other with everything running in them, and tells as JSON what is left behind.

The first is left normally, the second by Ctrl-C. Run in a process of its own: python lifecycle.py STACK ROOT
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from moto.awslambda_simple.models import LambdaSimpleBackend

from fine_tune_slm.localcloud import InstanceTimings, LocalCloud, LocalCloudSettings
from fine_tune_slm.localcloud.errors import AlreadyRunningError

STACK, ROOT = Path(sys.argv[1]), Path(sys.argv[2])
ORIGINAL = LambdaSimpleBackend.invoke
QUICK = InstanceTimings(
    pending_seconds=0, status_checks_seconds=0, agent_seconds=0, stopping_seconds=0, grace_seconds=5
)


def wait_for(claim: Callable[[], Any]) -> None:
    """Return when the claim is true."""
    end = time.monotonic() + 30
    while not claim():
        assert time.monotonic() < end, "did not become true in time"
        time.sleep(0.02)


def text_of(file: Path) -> str:
    """Return what is in a file, nothing when there is none yet."""
    return file.read_text().strip() if file.exists() else ""


def use(number: int, *, is_interrupted: bool) -> dict[str, Any]:
    """Return what a user of the emulated AWS sees, after leaving it in the middle of everything."""
    settings = LocalCloudSettings(
        root=ROOT / str(number),
        wait_scale=10,
        timings=QUICK,
        container_entry_point=(sys.executable, str(STACK / "job.py")),
    )
    told: dict[str, Any] = {}
    with contextlib.suppress(KeyboardInterrupt), LocalCloud(settings) as cloud:
        outputs = cloud.deploy(STACK / "template.yaml")
        start_execution(cloud, outputs["MachineArn"])
        start_commands(cloud, outputs["InstanceId"])
        told["pid"] = int(text_of(cloud.settings.volume_directory / "daemon.pid"))
        told["patched"] = LambdaSimpleBackend.invoke is not ORIGINAL
        try:
            with LocalCloud(settings):
                told["second"] = "opened"
        except AlreadyRunningError:
            told["second"] = "refused"
        if is_interrupted:
            raise KeyboardInterrupt
    return told


def start_execution(cloud: LocalCloud, machine_arn: str) -> None:
    """Return when an execution waits, for minutes, and a function is at work."""
    started = cloud.client("stepfunctions").start_execution(stateMachineArn=machine_arn, name="run", input="{}")
    work = b'{"do": "sleep", "seconds": 60}'
    cloud.client("lambda").invoke(FunctionName="behave", InvocationType="Event", Payload=work)
    wait_for(lambda: any(event["type"] == "WaitStateEntered" for event in cloud.events(started["executionArn"])))


def start_commands(cloud: LocalCloud, instance_id: str) -> None:
    """Return when a container and a process that left its group are at work."""
    cloud.client("ec2").start_instances(InstanceIds=[instance_id])
    wait_for(lambda: cloud.fleet.agent_of(instance_id))
    for action in ("background", "daemon"):
        cloud.client("ssm").send_command(
            InstanceIds=[instance_id], DocumentName="shell", Parameters={"Action": [action]}
        )
    volume = cloud.settings.volume_directory
    wait_for(lambda: text_of(volume / "out.txt") and text_of(volume / "daemon.pid"))


def children() -> list[str]:
    """Return the processes that this one has not ended."""
    listed = subprocess.run(
        ["ps", "-o", "args=", "--ppid", str(os.getpid())], capture_output=True, text=True, check=False
    )
    return [line for line in listed.stdout.splitlines() if not line.startswith("ps ")]


told = [use(1, is_interrupted=False), use(2, is_interrupted=True)]
left = {
    "told": told,
    "threads": [thread.name for thread in threading.enumerate() if not thread.daemon],
    "children": children(),
    "restored": LambdaSimpleBackend.invoke is ORIGINAL,
    "port": os.environ.get("MOTO_PORT"),
}
print(json.dumps(left))
