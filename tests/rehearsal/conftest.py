"""A checkout with a tiny random Llama and a small configuration: the whole workflow in seconds instead of minutes."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from rich.console import Console

from extraction.schema import FIELDS, INSTRUCTION
from fine_tune_slm.closing import RunResult, run_result
from fine_tune_slm.kept_runs import KeptRun
from fine_tune_slm.live import LiveView
from fine_tune_slm.localcloud import InstanceTimings, LocalCloud, LocalCloudSettings
from fine_tune_slm.rehearsal_request import RehearsalRequest
from fine_tune_slm.stage import Stage, StageSpec, set_up
from fine_tune_slm.timeline import Timeline
from fine_tune_slm.watch import WatchedExecution, watch
from tests.tiny_model import write_tiny_model

if TYPE_CHECKING:
    from tests.rehearsal.training_world import World

PROJECT = Path(__file__).resolve().parents[2]
CODE = ("core", "lambdas", "layers", "statemachine", "host")
TINY_CONFIG = "training_config.tiny.yml"
STRICT_CONFIG = "training_config.strict.yml"
WAIT_SCALE = 0.1  # polls every 1.5 s: more often they would take the processor from the training
QUICK = InstanceTimings(
    pending_seconds=0.2, status_checks_seconds=0.4, agent_seconds=0.4, stopping_seconds=0.1, grace_seconds=10
)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of two small layers with a byte-level tokenizer and a chat template."""
    return write_tiny_model(tmp_path_factory.mktemp("tiny-model"))


@pytest.fixture(scope="session")
def tiny_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout of the real template, workflow and Lambda code, with a small training configuration."""
    project = tmp_path_factory.mktemp("project")
    shutil.copy(PROJECT / "template.yaml", project)
    shutil.copytree(PROJECT / "config", project / "config")
    for name in CODE:
        (project / name).symlink_to(PROJECT / name)
    config = yaml.safe_load((PROJECT / "config" / "training_config.local.yml").read_text(encoding="utf-8"))
    config["training"] |= {"samples": 32, "batch_size": 4, "max_seq_length": 2048, "max_tokens_per_batch": 8192}
    config["training"] |= {"lora_rank": 2, "checkpoint_steps": 2}
    config["evaluation"] |= {"samples": 4, "max_new_tokens": 16, "batch_size": 4}
    config["gate"] = {"macro_f1_min": 0.0, "field_f1_min": 0.0, "json_valid_min": 0.0, "ungrounded_max": 1.0}
    config["gate"] |= {"macro_f1_loss_max": 1.0}
    (project / "config" / TINY_CONFIG).write_text(yaml.safe_dump(config), encoding="utf-8")
    config["gate"] |= {"macro_f1_min": 1.0}
    (project / "config" / STRICT_CONFIG).write_text(yaml.safe_dump(config), encoding="utf-8")
    return project


def write_dataset(directory: Path, records: dict[str, int]) -> Path:
    """Write a dataset of synthetic notes and return its directory."""
    directory.mkdir(parents=True, exist_ok=True)
    files = {}
    for name, count in records.items():
        content = "".join(f"{_line(f'{name} {number}')}\n" for number in range(count)).encode()
        (directory / name).write_bytes(content)
        files[name] = {"sha256": hashlib.sha256(content).hexdigest(), "records": count}
    (directory / "manifest.json").write_text(json.dumps({"files": files, "synthetic": True}), encoding="utf-8")
    return directory


def _line(name: str) -> str:
    output = dict.fromkeys(FIELDS) | {"cancer_type": "breast cancer", "stage": "II"}
    note = f"Synthetic note {name}: stage II breast cancer."
    return json.dumps({"instruction": INSTRUCTION, "input": note, "output": output})


@pytest.fixture(scope="session")
def tiny_dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty synthetic notes."""
    return write_dataset(tmp_path_factory.mktemp("dataset"), {"train.jsonl": 36, "validation.jsonl": 4})


@pytest.fixture(scope="session")
def local_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What .local is to a checkout: kept runs and the volume with its caches."""
    return tmp_path_factory.mktemp("local")


@pytest.fixture(scope="session")
def request_of(
    tiny_project: Path, tiny_model: Path, tiny_dataset: Path, local_root: Path
) -> Callable[..., RehearsalRequest]:
    """A function that returns what `fine-tune-slm rehearse` would be asked for on the tiny checkout."""

    def make(**changes: Any) -> RehearsalRequest:
        content = {
            "project": tiny_project,
            "base_model": tiny_model,
            "dataset": tiny_dataset,
            "config_file": TINY_CONFIG,
            "root": local_root,
            "run_name": "test",
            "wait_scale": WAIT_SCALE,
        }
        return RehearsalRequest(**content | changes)

    return make


@dataclass
class TinyStage:
    """A deployed stack in an emulated account, for several executions one after the other."""

    cloud: LocalCloud
    stage: Stage
    said: io.StringIO = field(default_factory=io.StringIO)

    def run(self, name: str, execution_input: str = "{}") -> RunResult:
        """Return how an execution ended."""
        states = self.cloud.client("stepfunctions")
        started = states.start_execution(
            stateMachineArn=self.stage.outputs["StateMachineArn"], name=name, input=execution_input
        )
        execution = WatchedExecution(states, self.cloud.client("s3"), started["executionArn"], self.stage.bucket)
        timeline = Timeline()
        with LiveView(Console(file=self.said, width=200), timeline) as view:
            watch(execution, timeline, view)
        return run_result(KeptRun(self.cloud.root.with_name(name)), execution.record(), timeline)

    def instance(self) -> dict[str, Any]:
        """Return what EC2 says of the stack's instance."""
        found = self.cloud.client("ec2").describe_instances(InstanceIds=[self.stage.outputs["InstanceId"]])
        return dict(found["Reservations"][0]["Instances"][0])


@pytest.fixture(scope="module")
def tiny_settings(tmp_path_factory: pytest.TempPathFactory, local_root: Path) -> LocalCloudSettings:
    """An emulated AWS that starts instances quickly and shares the volume's caches."""
    return LocalCloudSettings(
        root=tmp_path_factory.mktemp("stage"), volume=local_root / "volume", wait_scale=WAIT_SCALE, timings=QUICK
    )


@pytest.fixture(scope="session")
def tiny_spec(tiny_project: Path, tiny_model: Path, tiny_dataset: Path) -> StageSpec:
    """What is put on a stage."""
    return StageSpec(project=tiny_project, config_file=TINY_CONFIG, base_model=tiny_model, dataset=tiny_dataset)


@pytest.fixture(scope="session")
def set_up_stage() -> Callable[[LocalCloud, StageSpec], TinyStage]:
    """A function that deploys the stack and returns it ready for executions."""
    return lambda cloud, spec: TinyStage(cloud, set_up(cloud, spec))


@pytest.fixture(scope="module")
def tiny_stage(tiny_settings: LocalCloudSettings, tiny_spec: StageSpec) -> Iterator[TinyStage]:
    """One emulated account for the executions of a test module."""
    with LocalCloud(tiny_settings) as cloud:
        yield TinyStage(cloud, set_up(cloud, tiny_spec))


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, tiny_dataset: Path) -> Iterator[World]:
    """A bucket with the tiny dataset and a volume that has the tiny model in its cache."""
    from moto.server import ThreadedMotoServer
    from slm_core.layout import VolumePaths

    from tests.rehearsal.training_world import BUCKET, REVISION, World, publish
    from training.durable import seal

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        volume = VolumePaths(tmp_path_factory.mktemp("volume"))
        cached = volume.model("tiny/llama", REVISION)
        shutil.copytree(tiny_model, cached)
        seal(cached)
        world = World(f"http://{host}:{port}", volume, "")
        world.s3.create_bucket(Bucket=BUCKET)
        world.dataset_sha256 = publish(world.s3, tiny_dataset)
        yield world
    finally:
        server.stop()


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Products so small are slower on two threads than on one, and crawl where another process wants the processor."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
