"""docs/deploy.md is followed: its commands, read out of the page, run in its order against the emulated AWS.

One command is replaced, because the emulated CloudFormation lacks the SAM transform: `sam deploy` becomes the
rehearsal's own deployment of the same template; `make sam` before it is left out (test_rehearse_built.py runs it).
"""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ssm.models import Parameter, ssm_backends

from fine_tune_slm.localcloud import LocalCloud
from fine_tune_slm.localcloud.deploy.package import ARTIFACTS_BUCKET
from fine_tune_slm.naming import stack_name
from fine_tune_slm.stage import IMAGE_ID
from tests.rehearsal.aws_cli import PATIENCE_SECONDS, Shell, shell_of
from tests.rehearsal.conftest import PROJECT, TINY_CONFIG
from tests.rehearsal.test_delete import everything

PAGE = (PROJECT / "docs" / "deploy.md").read_text(encoding="utf-8")
BLOCKS = [block.strip().splitlines() for block in re.findall(r"^```bash\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)]
BASE_MODEL = "HuggingFaceTB/SmolLM2-135M-Instruct"
PUBLISH_REPO = "local/SmolLM2-135M-Instruct-clinical-extraction"
REGISTRY = f"{DEFAULT_ACCOUNT_ID}.dkr.ecr.us-east-1.amazonaws.com"
AMI_NAME = next(word for word in PAGE.split() if word.startswith("/aws/service/"))


def is_replaced(command: str) -> bool:
    """Return whether a command is one that the emulated AWS cannot serve."""
    return "/sam deploy" in command or command == "make sam"


@dataclass
class Reader:
    """Somebody who types in what the page says."""

    cloud: LocalCloud
    shell: Shell
    answers: dict[str, str] = field(default_factory=dict)

    def follow(self, block: list[str]) -> str:
        """Run a block's commands in order and return what they printed."""
        printed = ""
        for replaced, commands in itertools.groupby(block, is_replaced):
            script = list(commands)
            if not replaced:
                printed += self.shell.succeed("\n".join(script))
            for command in script if replaced else []:
                self._deploy(command)
        return printed

    def _deploy(self, command: str) -> None:
        """Do what `sam deploy` would: make the stack, or change the parameters that are overridden."""
        overridden = dict(re.findall(r"(\w+)=(\S+)", command.partition("--parameter-overrides")[2]))
        if overridden:
            self._update(overridden)
        elif "--guided" in command:
            self.answers = {
                "ImageId": IMAGE_ID,
                "TrainingConfigFile": TINY_CONFIG,
                "HubEndpoint": self.cloud.hub.endpoint,
            }
            self.cloud.deploy(self.shell.directory / "template.yaml", self.answers, stack_name())

    def _update(self, overridden: dict[str, str]) -> None:
        cloudformation = self.cloud.client("cloudformation")
        body = json.dumps(cloudformation.get_template(StackName=stack_name())["TemplateBody"])
        parameters = [
            {"ParameterKey": key, "ParameterValue": value} for key, value in (self.answers | overridden).items()
        ]
        cloudformation.update_stack(StackName=stack_name(), TemplateBody=body, Parameters=parameters)


@pytest.fixture
def checkout(tiny_project, tiny_dataset, tmp_path) -> Path:
    """The tiny checkout with its dataset where a clone has it."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    for path in tiny_project.iterdir():
        (checkout / path.name).symlink_to(path)
    (checkout / "synthetic-instruction-tuning-dataset").symlink_to(tiny_dataset)
    return checkout


@pytest.fixture
def reader(tiny_settings, tiny_model, checkout) -> Iterator[Reader]:
    """A reader in front of an empty account, with both Hub tokens and the AWS CLI."""
    with LocalCloud(tiny_settings) as cloud:
        given = {
            "HUB_READ_TOKEN": cloud.hub.create_token("read", [BASE_MODEL]),
            "HUB_WRITE_TOKEN": cloud.hub.create_token("write", [PUBLISH_REPO]),
            "PUBLISH_REPO": PUBLISH_REPO,
            "BASE_MODEL_REVISION": cloud.hub.add_model(BASE_MODEL, tiny_model, gated=True),
            "IMAGE_URI": f"{REGISTRY}/fine-tune-slm-prod-training@sha256:{'a' * 64}",
        }
        _publish_ami()
        yield Reader(cloud, shell_of(cloud, checkout, given))


def _publish_ami() -> None:
    """Give the account the public parameter that AWS keeps, and that nobody else may write."""
    backend = ssm_backends[DEFAULT_ACCOUNT_ID]["us-east-1"]
    public = Parameter(
        DEFAULT_ACCOUNT_ID, AMI_NAME, IMAGE_ID, "String", None, None, None, time.time(), 1, "aws:ec2:image", "us-east-1"
    )
    backend._parameters[AMI_NAME].append(public)


def _ended(reader: Reader) -> tuple[str, str]:
    """Return the name and the status of the only execution once it has ended."""
    states = reader.cloud.client("stepfunctions")
    (machine,) = states.list_state_machines()["stateMachines"]
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        (run,) = states.list_executions(stateMachineArn=machine["stateMachineArn"])["executions"]
        if run["status"] != "RUNNING":
            break
        assert time.monotonic() < deadline, "the first run takes too long"
        time.sleep(1)
    return run["name"], run["status"]


def test_the_page_leads_from_a_clone_to_a_running_schedule_and_back_to_an_empty_account(reader):
    before = everything(reader.cloud)
    stack, secrets, settings, first_run, schedule, deletion = BLOCKS
    assert reader.follow(stack).strip() == IMAGE_ID
    reader.follow(secrets)
    assert "/fine-tune-slm/prod/image/uri  owner pipeline" in reader.follow(settings)
    assert "first-run" in reader.follow(first_run)
    assert _ended(reader) == ("first-run", "SUCCEEDED")
    state, expression, given = json.loads(reader.follow(schedule))
    assert (state, expression, given) == ("ENABLED", "cron(0 3 ? * SUN *)", "{}")
    shown = reader.follow(deletion)
    assert "--bucket deletes it" in shown
    assert "deleted  bucket" in shown
    # the bucket with the uploaded code stays, as SAM's own does
    assert everything(reader.cloud) == before | {("s3", ARTIFACTS_BUCKET)}


def test_only_sam_is_replaced():
    replaced = [command for block in BLOCKS for command in block if is_replaced(command)]
    assert [command.split()[0] for command in replaced] == ["make", *[".local/venvs/sam/bin/sam"] * 2]
