"""One emulated account for one schedule of faults: built, run on virtual time, looked at, and thrown away."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import botocore.client
import yaml
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.ec2.models import ec2_backends
from moto.s3.models import s3_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.ssm.models import ssm_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from slm_core import clock
from slm_core.aws import client
from slm_core.training_config import load_training_config

from fine_tune_slm.localcloud.deploy.translation import read_template
from fine_tune_slm.localcloud.hub.server import LocalHub
from fine_tune_slm.localcloud.seams import ec2, s3, ssm
from fine_tune_slm.localcloud.seams.seam import installed
from tests.faults.canary import CANARY_SENTENCES
from tests.faults.world.commands import VirtualRunCommand
from tests.faults.world.functions import Functions, Invocation, function_arn
from tests.faults.world.host import Host, digest
from tests.faults.world.shortcuts import REGION, answer
from tests.faults.world.timeline import Timeline
from tests.faults.world.workflow import WorkflowEngine

ROOT = Path(__file__).parents[3]
TYPES = ("g6.2xlarge", "g5.2xlarge")
DATASET_SHA256 = "d" * 64
MACHINE = "fine-tune-slm"
LEASE_TABLE = "lease"


@dataclass
class Account:
    """What all schedules of a process share: moto, the machine, the instance, the Hub."""

    instance_id: str
    machine_arn: str
    hub: LocalHub
    write_token: str
    read_token: str
    base_model_revision: str
    topic_arn: str
    number: int = 0


@cache
def definition() -> str:
    """Return the workflow file with the functions' ARNs in place."""
    text = (ROOT / "statemachine" / "fine_tune.asl.json").read_text()
    template = read_template(ROOT / "template.yaml")
    (machine,) = [one for one in template["Resources"].values() if one["Type"] == "AWS::Serverless::StateMachine"]
    for name in machine["Properties"]["DefinitionSubstitutions"]:
        text = text.replace(f"${{{name}}}", function_arn(name.removesuffix("FunctionArn")))
    return text


@cache
def document() -> dict[str, Any]:
    """Return the content of the template's Command document."""
    content: dict[str, Any] = read_template(ROOT / "template.yaml")["Resources"]["CommandDocument"]["Properties"][
        "Content"
    ]
    return content


@contextlib.contextmanager
def emulated_account() -> Iterator[Account]:
    """Hold an account for any number of schedules, one after the other."""
    with contextlib.ExitStack() as stack:
        os.environ["MOTO_EC2_LOAD_DEFAULT_AMIS"] = "false"
        stack.enter_context(mock_aws(config={"stepfunctions": {"execute_state_machine": True}}))
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="fine-tune-slm-faults-"))
        hub = stack.enter_context(contextlib.closing(LocalHub(Path(directory))))
        client("dynamodb").create_table(
            TableName=LEASE_TABLE,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "lease_name", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "lease_name", "AttributeType": "S"}],
        )
        made = client("ec2").run_instances(ImageId="ami-12345678", InstanceType=TYPES[0], MinCount=1, MaxCount=1)
        machine = client("stepfunctions").create_state_machine(
            name=MACHINE, definition=definition(), roleArn=f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/machine"
        )
        yield Account(
            instance_id=made["Instances"][0]["InstanceId"],
            machine_arn=machine["stateMachineArn"],
            hub=hub,
            write_token=hub.create_token("write"),
            read_token=hub.create_token("read"),
            base_model_revision=_base_model(hub, Path(directory) / "base-model"),
            topic_arn=client("sns").create_topic(Name="alerts")["TopicArn"],
        )


def _base_model(hub: LocalHub, directory: Path) -> str:
    """Return the revision of a gated base model: PrepareRun asks whether it may be read, and nobody loads it."""
    directory.mkdir()
    (directory / "config.json").write_text("{}", encoding="utf-8")
    repo_id = load_training_config(ROOT / "config" / "training_config.yml").base_model.repo_id
    return hub.add_model(repo_id, directory, gated=True)


@dataclass
class Hooks:
    """Where a schedule reaches into the world."""

    before_function: Callable[[Invocation], float | None] = lambda _: None
    before_call: Callable[[Invocation, str, Mapping[str, Any]], None] = lambda *_: None
    after_call: Callable[[Invocation, str, Mapping[str, Any], Any], Any] = lambda *call: call[-1]
    on_status: Callable[[Any, str], None] = lambda *_: None


@dataclass
class World:
    """One account in virtual time."""

    account: Account
    hooks: Hooks = field(default_factory=Hooks)
    clock_skew_seconds: float = 0.0

    def __post_init__(self) -> None:
        self.timeline = Timeline()
        self.account.number += 1
        self.bucket = f"bucket-{self.account.number}"
        self.root = f"/faults-{self.account.number}"
        self.repo = f"local/Llama-adapter-{self.account.number}"
        self.functions = Functions(self.timeline, self._before_function)
        self.engine = WorkflowEngine(self.timeline, self.functions, self._status_changed)
        self.statuses: dict[str, str] = {}
        self.ended_at: dict[str, float] = {}
        self.told: list[str] = []
        self.events: list[str] = []
        self.notices: list[str] = []
        """What SNS was given: the failure cards, and what the sweeper says."""
        self.log = io.StringIO()
        self.scores: dict[str, float] = {}

    @contextlib.contextmanager
    def open(self) -> Iterator[World]:
        """Hold the world inside the block."""
        with contextlib.ExitStack() as stack:
            stack.callback(self._forget)
            stack.enter_context(_environment(self._variables()))
            stack.enter_context(clock.use(lambda: self.timeline.now + timedelta(seconds=self.clock_skew_seconds)))
            self._make_resources()
            self.host = Host(self.timeline, client("s3"), self.bucket, self.scores)
            self.commands = VirtualRunCommand(self.host, document(), self.told.append)
            stack.enter_context(
                installed([*s3.seams(), *ec2.seams(self.host), *ssm.seams(self.commands)])  # type: ignore[arg-type]
            )
            stack.enter_context(self.engine.installed())
            stack.enter_context(self._calls_watched())
            # the files that every run reads, by the same library's C half
            stack.enter_context(mock.patch("yaml.safe_load", _safe_load))
            # the variable counts only for who sets it before the library is imported
            stack.enter_context(mock.patch("huggingface_hub.constants.HF_HUB_DISABLE_XET", new=True))
            stack.enter_context(self._logs_kept())
            stack.callback(self.timeline.close)
            yield self

    def start(self, name: str, execution_input: str = "{}", after_seconds: float = 0.0) -> None:
        """Start an execution."""
        self.timeline.after(
            after_seconds,
            lambda: client("stepfunctions").start_execution(
                stateMachineArn=self.account.machine_arn, name=self.execution_name(name), input=execution_input
            ),
        )

    def execution_name(self, name: str) -> str:
        """Return the name under which a run of this world goes: names are used once in an account."""
        return f"{name}-{self.account.number}"

    def execution(self, name: str) -> Any:
        """Return moto's execution."""
        backend = stepfunctions_parser_backends[DEFAULT_ACCOUNT_ID][REGION]
        wanted = self.execution_name(name)
        return next(
            (run for machine in backend.state_machines for run in machine.executions if run.name == wanted), None
        )

    def forget_execution(self, name: str) -> None:
        """Free an ended execution's name."""
        wanted = self.execution_name(name)
        for machine in stepfunctions_parser_backends[DEFAULT_ACCOUNT_ID][REGION].state_machines:
            machine.executions[:] = [run for run in machine.executions if run.name != wanted]
        del self.statuses[wanted]

    def history(self, execution: Any) -> list[Mapping[str, Any]]:
        """Return an execution's events, moto's own: copying them takes longer than looking at them."""
        events: list[Mapping[str, Any]] = execution.exec_worker.env.event_manager._history_event_list
        return events

    def states_entered(self, execution: Any) -> list[str]:
        """Return the names of the states that an execution was in, in their order."""
        details = (event.get("stateEnteredEventDetails") for event in self.history(execution))
        return [str(detail["name"]) for detail in details if detail]

    def instance(self) -> Any:
        """Return moto's instance."""
        return ec2_backends[DEFAULT_ACCOUNT_ID][REGION].get_instance(self.account.instance_id)

    def objects(self) -> dict[str, bytes]:
        """Return everything in the bucket, out of moto's own store: asking for each object takes longer than a run."""
        bucket = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[self.bucket]
        return {str(key): bytes(found.value) for key, found in bucket.keys.items()}

    def _variables(self) -> dict[str, str]:
        return {
            "PARAMETER_ROOT": self.root,
            "BUCKET_NAME": self.bucket,
            "LEASE_TABLE": LEASE_TABLE,
            "CONFIG_DIR": str(ROOT / "config"),
            "HOST_FILES_DIR": str(ROOT / "host"),
            "TRAINING_CONFIG_FILE": "training_config.yml",
            "HF_ENDPOINT": self.account.hub.endpoint,
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
            "TOPIC_ARN": self.account.topic_arn,
            "POWERTOOLS_SERVICE_NAME": "fine-tune-slm",
            "POWERTOOLS_METRICS_NAMESPACE": "FineTuneSlm",
        }

    def _make_resources(self) -> None:
        """Write what an account holds straight into moto's models: asking for it takes a quarter of a run."""
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].create_bucket(self.bucket, REGION)
        dynamodb_backends[DEFAULT_ACCOUNT_ID][REGION].delete_item(LEASE_TABLE, {"lease_name": {"S": "gpu-instance"}})
        ec2.MotoInstance(self.instance()).become("stopped", "Client.InstanceInitiatedShutdown")
        ec2_backends[DEFAULT_ACCOUNT_ID][REGION].modify_instance_attribute(
            self.account.instance_id, "instance_type", TYPES[0]
        )
        for name, value in self._settings().items():
            _put_parameter(f"{self.root}/{name}", value)
        for name, token in (("read", self.account.read_token), ("write", self.account.write_token)):
            secretsmanager_backends[DEFAULT_ACCOUNT_ID][REGION]._add_secret(f"{name}-{self.account.number}", token)
        self._make_dataset()

    def _settings(self) -> dict[str, str]:
        return {
            "instance/id": self.account.instance_id,
            "instance/allowed_types": ",".join(TYPES),
            "storage/bucket": self.bucket,
            "storage/dataset_sha256": DATASET_SHA256,
            "image/uri": f"{DEFAULT_ACCOUNT_ID}.dkr.ecr.us-east-1.amazonaws.com/training:tag",
            "command/document_name": "a-document",
            "command/log_group": "a-log-group",
            "hub/read_token_secret_id": f"read-{self.account.number}",
            "hub/write_token_secret_id": f"write-{self.account.number}",
            "hub/base_model_revision": self.account.base_model_revision,
            "hub/publish_repo": self.repo,
        }

    def _make_dataset(self) -> None:
        line = "\n".join(json.dumps({"note": sentence}) for sentence in CANARY_SENTENCES).encode()
        names = ("train.jsonl", "validation.jsonl")
        files = {name: {"sha256": digest(line), "records": len(CANARY_SENTENCES)} for name in names}
        manifest = json.dumps({"files": files, "synthetic": True}).encode()
        for name, content in {**dict.fromkeys(names, line), "manifest.json": manifest}.items():
            key = f"datasets/{DATASET_SHA256}/{name}"
            s3_backends[DEFAULT_ACCOUNT_ID]["aws"].put_object(self.bucket, key, content)

    def _forget(self) -> None:
        """Drop what the next worlds would have to look through."""
        for machine in stepfunctions_parser_backends[DEFAULT_ACCOUNT_ID][REGION].state_machines:
            machine.executions.clear()
        s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets.pop(self.bucket, None)
        ssm_backends[DEFAULT_ACCOUNT_ID][REGION]._parameters.clear()
        secretsmanager_backends[DEFAULT_ACCOUNT_ID][REGION].secrets.clear()

    def _before_function(self, invocation: Invocation) -> float | None:
        # asked for at each call: the hooks are set after the world was made
        return self.hooks.before_function(invocation)

    def _status_changed(self, execution: Any, status: str) -> None:
        self.statuses[execution.name] = status
        self.ended_at[execution.name] = self.timeline.seconds()
        self.hooks.on_status(execution, status)

    @contextlib.contextmanager
    def _calls_watched(self) -> Iterator[None]:
        """Let every call that a function makes pass the schedule's hooks."""
        original = botocore.client.BaseClient._make_api_call

        def call(this: Any, operation: str, request: Mapping[str, Any]) -> Any:
            invocation = self.functions.active
            # what the hooks themselves ask is no call of the function
            if invocation is None or invocation.is_looked_at or threading_is_elsewhere(self.timeline):
                return answer(this, operation, request, original)
            name = f"{this.meta.service_model.service_name}.{operation}"
            invocation.calls[name] += 1
            if name == "sns.Publish":
                self.notices.append(f"{request['Subject']}\n{request['Message']}")
            invocation.is_looked_at = True
            try:
                self.hooks.before_call(invocation, name, request)
            finally:
                invocation.is_looked_at = False
            answered = answer(this, operation, request, original)
            return self.hooks.after_call(invocation, name, request, answered)

        botocore.client.BaseClient._make_api_call = call
        try:
            yield
        finally:
            botocore.client.BaseClient._make_api_call = original

    @contextlib.contextmanager
    def _logs_kept(self) -> Iterator[None]:
        handler = logging.StreamHandler(self.log)
        loggers = [logging.getLogger(name) for name in ("fine-tune-slm", "moto", "huggingface_hub")]
        kept = [(logger, list(logger.handlers), logger.propagate) for logger in loggers]
        for logger in loggers:
            if logger.handlers and logger.name == "fine-tune-slm":
                handler.setFormatter(logger.handlers[0].formatter)
            logger.handlers = [handler]
            logger.propagate = False
        try:
            with contextlib.redirect_stdout(self.log):
                yield
        finally:
            for logger, handlers, propagate in kept:
                logger.handlers, logger.propagate = handlers, propagate


def _safe_load(text: str) -> Any:
    return yaml.load(text, Loader=yaml.CSafeLoader)


def _put_parameter(name: str, value: str) -> None:
    ssm_backends[DEFAULT_ACCOUNT_ID][REGION].put_parameter(
        name=name,
        description="",
        value=value,
        parameter_type="String",
        allowed_pattern="",
        keyid="",
        overwrite=False,
        tags=[],
        data_type="text",
        tier=None,
        policies=None,
    )


def threading_is_elsewhere(timeline: Timeline) -> bool:
    """Return whether this thread is none of the timeline's tasks."""
    import threading

    running = timeline.running
    return running is None or running.thread is not threading.current_thread()


def deadline_of(instance: Any) -> datetime | None:
    """Return the deadline that the instance's tag says."""
    tags = {tag["key"]: tag["value"] for tag in instance.get_tags()}
    return datetime.fromisoformat(tags["deadline"]) if "deadline" in tags else None


@contextlib.contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
