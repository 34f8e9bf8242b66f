"""Made-up runs: execution histories, records and datasets, all synthetic."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws
from slm_core.records import (
    BaseModelRef,
    Evaluation,
    FailureRecord,
    FieldMetrics,
    InstanceRecord,
    Interval,
    Manifest,
    ManifestFile,
    Metrics,
    Provenance,
    RunRecord,
    TrainingSummary,
)

from extraction.schema import FIELDS

PROJECT = Path(__file__).resolve().parents[3]
START = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
SHA256 = "ab" * 32
RUN_ID = "rehearsal-20300102-030405-0a0b"


class History:
    """Writes the events of an execution, one second after the other."""

    def __init__(self) -> None:
        self.events: list[dict[str, Any]] = []
        self._now = START
        self.add("ExecutionStarted")

    def add(self, kind: str, **details: Any) -> History:
        self.events.append({"id": len(self.events) + 1, "type": kind, "timestamp": self._now, **details})
        return self

    def wait(self, seconds: float) -> History:
        self._now += timedelta(seconds=seconds)
        return self

    def enter(self, name: str, kind: str = "Task") -> History:
        return self.add(f"{kind}StateEntered", stateEnteredEventDetails={"name": name})

    def leave(self, name: str, kind: str = "Task") -> History:
        return self.add(f"{kind}StateExited", stateExitedEventDetails={"name": name})

    def state(self, name: str, seconds: float = 1.0, kind: str = "Task") -> History:
        self.enter(name, kind)
        if kind == "Task":
            self.add("TaskScheduled").add("TaskSucceeded")
        return self.wait(seconds).leave(name, kind)

    def failed_attempt(self, error: str) -> History:
        return self.add("TaskScheduled").add("TaskFailed", taskFailedEventDetails={"error": error, "cause": "{}"})

    def poll(self, seconds: float = 5.0) -> History:
        self.state("AwaitTraining", seconds, "Wait").state("CheckTraining", 0.5)
        return self.state("HowTrainingGoes", 0.0, "Choice")

    def end(self, kind: str, **details: Any) -> History:
        key = f"{kind[0].lower()}{kind[1:]}EventDetails"
        return self.add(kind, **({key: details} if details else {}))


@pytest.fixture
def history() -> Callable[[], History]:
    return History


@pytest.fixture
def failed_history() -> History:
    history = History().state("Receive", 0.0, "Pass").state("PrepareRun").state("StartInstance", 3.0)
    history.enter("StartTraining").failed_attempt("CommandUndeliverableError").wait(2)
    history.state("StopAfterFailure", 2.0).state("RecordFailure").enter("RunFailed", "Fail")
    return history.end("ExecutionFailed", error="CommandUndeliverableError", cause="The agent is silent.")


def _evaluation(f1: float) -> Evaluation:
    interval = Interval(low=f1 / 2, high=(1 + f1) / 2)
    field = FieldMetrics(precision=f1, recall=f1, f1=f1, f1_interval=interval)
    return Evaluation(
        samples=32,
        macro_f1=f1,
        macro_f1_interval=interval,
        micro_f1=f1,
        record_exact=f1 / 3,
        json_valid=min(1.0, f1 * 1.5),
        ungrounded_rate=0.1,
        fields=dict.fromkeys(FIELDS, field),
        seconds=9.0,
    )


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(
        run_id=RUN_ID,
        validation_sha256=SHA256,
        before=_evaluation(0.01),
        after=_evaluation(0.62),
        training=TrainingSummary(
            steps=32,
            resumed_from_step=0,
            samples_seen=128,
            tokens_seen=29000,
            first_loss=2.5,
            last_loss=0.2,
            seconds=140.0,
            padding_share=0.02,
            peak_memory_bytes=3 << 30,
            trainable_parameters=4_884_480,
            device="cpu",
        ),
    )


@pytest.fixture
def record(metrics: Metrics) -> RunRecord:
    return RunRecord(
        run_id=RUN_ID,
        run_name="rehearsal",
        execution_arn=f"arn:aws:states:us-east-1:123456789012:execution:fine-tune:{RUN_ID}",
        status="succeeded",
        started_at=START,
        finished_at=START + timedelta(minutes=6),
        instance=InstanceRecord(instance_id="i-0123456789abcdef0", instance_type="g6.2xlarge", state="stopped"),
        billed_seconds=300.0,
        cost_usd=0.0815,
        metrics=metrics,
        archive_uri=f"s3://bucket/models/{RUN_ID}/",
        hub_repo="rehearsal/SmolLM2-135M-Instruct-clinical-extraction",
        hub_revision="c" * 40,
    )


@pytest.fixture
def failed_record(record: RunRecord) -> RunRecord:
    failure = FailureRecord(
        error="TrainingOutOfMemoryError", cause="The process ran out of memory.", state="CheckTraining"
    )
    changes = {"status": "failed", "failure": failure, "metrics": None, "last_checkpoint_step": 24, "hub_repo": None}
    return record.model_copy(update=changes)


@pytest.fixture
def make_archive() -> Callable[[Path], Manifest]:
    """A function that writes an archive into a directory and returns its manifest."""

    def make(directory: Path) -> Manifest:
        directory.mkdir(parents=True)
        contents = {
            "adapter_model.safetensors": b"weights",
            "history.jsonl": b'{"step": 1, "loss": 2.5}\n{"step": 2, "loss": 1.5}\n',
        }
        for name, content in contents.items():
            (directory / name).write_bytes(content)
        manifest = Manifest(
            run_id=RUN_ID,
            created_at=START,
            files=tuple(
                ManifestFile(path=name, size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest())
                for name, content in contents.items()
            ),
            provenance=Provenance(
                git_commit="d" * 40,
                config_sha256=SHA256,
                dataset_sha256=SHA256,
                base_model=BaseModelRef(repo_id="HuggingFaceTB/SmolLM2-135M-Instruct", revision="e" * 40),
                base_model_files={"model.safetensors": SHA256},
                image="local:rehearsal",
                seed=42,
                versions={"torch": "2.13.0"},
            ),
        )
        (directory / "manifest.json").write_text(manifest.model_dump_json(), encoding="utf-8")
        return manifest

    return make


def _line(number: int) -> str:
    output = dict.fromkeys(FIELDS) | {"cancer_type": "breast cancer", "stage": "II"}
    note = f"Synthetic note {number}: stage II breast cancer."
    return json.dumps(
        {"instruction": "Extract all cancer-related entities from the text.", "input": note, "output": output}
    )


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    """A sound dataset directory of synthetic notes."""
    directory = tmp_path / "dataset"
    directory.mkdir()
    for name, numbers in {"train.jsonl": range(3), "validation.jsonl": range(3, 5)}.items():
        (directory / name).write_text("".join(f"{_line(number)}\n" for number in numbers), encoding="utf-8")
    write_manifest(directory)
    return directory


def write_manifest(directory: Path) -> None:
    files = {
        path.name: {"sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "records": path.read_bytes().count(b"\n")}
        for path in directory.glob("*.jsonl")
    }
    (directory / "manifest.json").write_text(json.dumps({"files": files, "synthetic": True}), encoding="utf-8")


@pytest.fixture
def rewrite_manifest() -> Callable[[Path], None]:
    return write_manifest


class Account:
    """An account made by moto, as the CLI's functions see one."""

    def client(self, service: str) -> Any:
        return _client(service)


@functools.cache
def _client(service: str) -> Any:
    """Return a client that every test shares: moto answers it from the account of the test that runs."""
    return boto3.client(service, region_name="us-east-1")


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        yield Account()
