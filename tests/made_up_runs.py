"""Kept runs made up for tests of what shows them: real scores of made-up answers to the project's synthetic notes.

A run is written as a rehearsal leaves it on disk: objects of the bucket, archive with manifest, execution history.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from slm_core.layout import EXAMPLES_NAME, HISTORY_NAME, MANIFEST_NAME, OUTCOMES_NAME, RunKeys
from slm_core.records import (
    BaseModelRef,
    Evaluation,
    FailureRecord,
    Gain,
    HubTarget,
    InstanceRecord,
    LaunchRecord,
    Manifest,
    Metrics,
    Provenance,
    RunRecord,
    RunSpec,
    TrainingSummary,
    describe_files,
)
from slm_core.training_config import load_training_config

from extraction.bootstrap import Counts
from extraction.comparison import compare_counts
from extraction.examples import choose_examples
from extraction.outcomes import NoteOutcomes, note_counts
from extraction.schema import FIELDS, DatasetRecord
from extraction.scores import score
from fine_tune_slm.kept_runs import KeptRun
from training.score_records import as_evaluation

PROJECT = Path(__file__).parents[1]
START = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)
REPO = "local/SmolLM2-135M-Instruct-clinical-extraction"
VALIDATION_SHA256 = "cd" * 32
SHA256 = "ab" * 32
UNTUNED = 0.15


@dataclass(frozen=True)
class Manner:
    """How the made-up answers were written."""

    is_constrained: bool = True
    ended_by_itself: float = 0.75


@dataclass(frozen=True)
class MadeUpRun:
    """What a run shall look like."""

    run_id: str = "rehearsal-20300102-030405-0a0b"
    status: str = "succeeded"
    skill: float = 0.7
    """Share of fields that the tuned model gets right."""
    is_measured_before: bool = True
    is_synthetic: bool = True
    notes: int = 32
    steps: int = 80
    polls: int = 20
    poll_seconds: float = 10.0
    relaunches: int = 0
    day: int = 0
    failure: FailureRecord | None = None
    is_measured: bool = True
    archive: dict[str, bytes] = field(default_factory=dict)
    """Further files of the archive."""


def keep(root: Path, run: MadeUpRun) -> KeptRun:
    """Write a run as if it had been rehearsed, and return it."""
    directory = root / "runs" / run.run_id
    bucket, keys = directory / "s3" / "bucket", RunKeys(run.run_id)
    metrics = _metrics(run) if run.is_measured else None
    history = _History(run)
    _write(bucket / keys.spec, spec_of(run).model_dump_json())
    _write(bucket / keys.record, _record(run, metrics, history).model_dump_json())
    _write(directory / "executions" / f"{run.run_id}.json", history.as_json())
    if metrics is not None:
        _write_archive(bucket / keys.archive, run, metrics)
    return KeptRun(directory)


def spec_of(run: MadeUpRun) -> RunSpec:
    """Return the run's specification."""
    config = load_training_config(PROJECT / "config" / "training_config.local.yml")
    gate = config.gate.model_copy(update={"macro_f1_min": 0.99 if run.status == "rejected" else 0.3})
    return RunSpec(
        run_id=run.run_id,
        run_name="rehearsal",
        created_at=_begin(run),
        execution_arn=_arn(run),
        fence=1,
        bucket="bucket",
        dataset_sha256=SHA256,
        dataset_is_synthetic=run.is_synthetic,
        base_model=BaseModelRef(repo_id=config.base_model.repo_id, revision="e" * 40),
        hub=HubTarget(endpoint="http://127.0.0.1:9", read_token_secret_id="hub/read", publish_repo=REPO),
        image="local:rehearsal",
        config=config.model_copy(update={"gate": gate}),
        instance_types=("g6.2xlarge",),
        resume_from=None,
        git_commit="d" * 40,
    )


@cache
def answers_of(notes: int, skill: float) -> list[str]:
    """Return answers of which each field is right with a probability of `skill`; otherwise another note's, or null."""
    draw = random.Random(f"answers {skill}")  # noqa: S311 - reproducible on purpose
    golds = [record.output.model_dump() for record in validation_records(notes)]
    return [json.dumps({name: _value(gold, name, golds, (draw, skill)) for name in FIELDS}) for gold in golds]


def _value(gold: dict[str, Any], name: str, golds: list[dict[str, Any]], luck: tuple[random.Random, float]) -> Any:
    draw, skill = luck
    return gold[name] if draw.random() < skill else draw.choice([None, draw.choice(golds)[name]])


@cache
def validation_records(count: int) -> list[DatasetRecord]:
    """Return synthetic notes of the project's own validation file."""
    path = PROJECT / "synthetic-instruction-tuning-dataset" / "validation.jsonl"
    lines = path.read_text(encoding="utf-8").split("\n")[:count]
    return [DatasetRecord.model_validate_json(line) for line in lines]


@cache
def evaluation_of(notes: int, skill: float) -> Evaluation:
    """Return the real scores of answers."""
    records = validation_records(notes)
    golds, texts = [record.output for record in records], [record.input for record in records]
    return as_evaluation(score(golds, answers_of(notes, skill), texts, bootstrap=200), 9.0, Manner())


@cache
def counts_of(notes: int, skill: float) -> tuple[Counts, ...]:
    """Return the counts of each note."""
    return tuple(note_counts([record.output for record in validation_records(notes)], answers_of(notes, skill)))


def _metrics(run: MadeUpRun) -> Metrics:
    compared = compare_counts(counts_of(run.notes, run.skill), counts_of(run.notes, UNTUNED))
    return Metrics(
        run_id=run.run_id,
        validation_sha256=VALIDATION_SHA256,
        before=evaluation_of(run.notes, UNTUNED) if run.is_measured_before else None,
        after=evaluation_of(run.notes, run.skill),
        gain=Gain.model_validate(compared.model_dump(include=set(Gain.model_fields)))
        if run.is_measured_before
        else None,
        training=TrainingSummary(
            steps=run.steps,
            resumed_from_step=0,
            samples_seen=2 * run.steps,
            tokens_seen=250 * run.steps,
            first_loss=2.5,
            last_loss=0.25,
            held_out_loss_before=2.4 if run.is_measured_before else None,
            held_out_loss_after=0.3,
            seconds=run.polls * run.poll_seconds * 0.6,
            padding_share=0.02,
            peak_memory_bytes=3 << 30,
            trainable_parameters=4_884_480,
            device="cpu (2 threads)",
        ),
    )


def _write_archive(directory: Path, run: MadeUpRun, metrics: Metrics) -> None:
    outcomes = NoteOutcomes(
        before=counts_of(run.notes, UNTUNED) if run.is_measured_before else None,
        after=counts_of(run.notes, run.skill),
    )
    files: dict[str, str | bytes] = {
        "adapter_model.safetensors": b"weights",
        "metrics.json": metrics.model_dump_json(),
        OUTCOMES_NAME: outcomes.model_dump_json(),
        HISTORY_NAME: "".join(f"{json.dumps(row)}\n" for row in _steps(run.steps)),
    }
    # even where the notes are not synthetic: whoever reads must not trust the archive
    files[EXAMPLES_NAME] = _examples(run.notes, run.skill)
    for name, content in (files | run.archive).items():
        _write(directory / name, content)
    seal(directory, run.run_id)


@cache
def _examples(notes: int, skill: float) -> str:
    return choose_examples(validation_records(notes), answers_of(notes, skill)).model_dump_json()


def seal(directory: Path, run_id: str) -> None:
    """Write the manifest of what lies in an archive."""
    paths = [path for path in directory.rglob("*") if path.is_file() and path.name != MANIFEST_NAME]
    provenance = Provenance(
        git_commit="d" * 40,
        config_sha256=SHA256,
        dataset_sha256=SHA256,
        base_model=BaseModelRef(repo_id="HuggingFaceTB/SmolLM2-135M-Instruct", revision="e" * 40),
        base_model_files={"model.safetensors": SHA256},
        image="local:rehearsal",
        seed=42,
        versions={"python": "3.11.9", "torch": "2.13.0"},
    )
    manifest = Manifest(run_id=run_id, created_at=START, files=describe_files(directory, paths), provenance=provenance)
    _write(directory / MANIFEST_NAME, manifest.model_dump_json())


def _steps(count: int) -> Iterator[dict[str, Any]]:
    draw = random.Random("steps")  # noqa: S311 - reproducible on purpose
    for step in range(1, count + 1):
        done = step / count
        yield {
            "step": step,
            "loss": 0.25 + 2.2 * (1 - done) ** 6 + draw.random() * 0.2,
            "learning_rate": 1.5e-3 * min(1.0, done / 0.05, (1 - done) / 0.7 + 1 / count),
        }


def _record(run: MadeUpRun, metrics: Metrics | None, history: _History) -> RunRecord:
    return RunRecord(
        run_id=run.run_id,
        run_name="rehearsal",
        execution_arn=_arn(run),
        status=run.status,
        started_at=_begin(run),
        finished_at=history.now,
        instance=InstanceRecord(
            instance_id="i-0123456789abcdef0",
            instance_type="g6.2xlarge",
            state="stopped",
            launches=tuple(history.launches),
        ),
        billed_seconds=sum((one.stopped_at - one.launched_at).total_seconds() for one in history.launches),
        cost_usd=0.0815,
        relaunches=run.relaunches,
        last_checkpoint_step=run.steps // 2,
        failure=run.failure,
        metrics=metrics,
        archive_uri=f"s3://bucket/models/{run.run_id}/" if metrics else None,
        hub_repo=REPO if run.status == "succeeded" else None,
        hub_revision="c" * 40 if run.status == "succeeded" else None,
    )


class _History:
    """The events of an execution, and the launches of its instance."""

    def __init__(self, run: MadeUpRun) -> None:
        self.now = _begin(run)
        self.launches: list[LaunchRecord] = []
        self._events: list[dict[str, Any]] = []
        self._run = run
        self._add("ExecutionStarted", executionStartedEventDetails={"input": "{}"})
        self._state("PrepareRun", 2)
        for _ in range(run.relaunches + 1):
            self._launch(run)
        self._end(run)

    def as_json(self) -> str:
        """Return the history as a rehearsal keeps it."""
        status = "SUCCEEDED" if self._run.status == "succeeded" else "FAILED"
        return json.dumps({"execution": {"status": status}, "events": self._events}, default=str)

    def _launch(self, run: MadeUpRun) -> None:
        self._state("StartInstance", 4)
        launched_at = self.now - timedelta(seconds=1)
        self._state("StartTraining", 1)
        for _ in range(run.polls // (run.relaunches + 1)):
            self._state("AwaitTraining", run.poll_seconds, kind="Wait")
            self._state("CheckTraining", 0.5)
            self._state("HowTrainingGoes", 0, kind="Choice")
        self._state("StopInstance" if run.failure is None else "StopAfterFailure", 3)
        stopped_at = self.now - timedelta(seconds=1)
        self.launches.append(LaunchRecord(instance_type="g6.2xlarge", launched_at=launched_at, stopped_at=stopped_at))

    def _end(self, run: MadeUpRun) -> None:
        if run.status == "succeeded":
            self._state("AssessModel", 1)
            self._state("PublishModel", 2)
            self._state("Succeeded", 0, kind="Succeed")
            self._add("ExecutionSucceeded")
            return
        name = run.failure.state if run.failure and run.failure.state else "AssessModel"
        error = run.failure.error if run.failure else "ModelRejectedError"
        self._state(name, 1, error=error)
        self._state("RecordFailure", 1)
        self._state("ModelRejected" if run.status == "rejected" else "RunFailed", 0, kind="Fail")
        self._add("ExecutionFailed", executionFailedEventDetails={"error": error, "cause": "see the record"})

    def _state(self, name: str, seconds: float, kind: str = "Task", error: str | None = None) -> None:
        self._add(f"{kind}StateEntered", stateEnteredEventDetails={"name": name})
        if kind == "Task":
            self._add("TaskScheduled")
        self.now += timedelta(seconds=seconds)
        if error:
            self._add("TaskFailed", taskFailedEventDetails={"error": error, "cause": "{}"})
        elif kind == "Task":
            self._add("TaskSucceeded")
        self._add(f"{kind}StateExited", stateExitedEventDetails={"name": name})

    def _add(self, kind: str, **details: Any) -> None:
        self._events.append({"id": len(self._events) + 1, "type": kind, "timestamp": self.now, **details})


def _begin(run: MadeUpRun) -> datetime:
    return START + timedelta(days=run.day)


def _arn(run: MadeUpRun) -> str:
    return f"arn:aws:states:us-east-1:000000000000:execution:fine-tune:{run.run_id}"


def _write(path: Path, content: str | bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
