"""One launch of one run, from run.json to staged artifacts: `run_job` is the checklist of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from loguru import logger
from peft import PeftModel
from slm_core.layout import VolumePaths
from slm_core.records import Metrics, Phase, RunSpec, TrainingSummary, sha256_of
from slm_core.training_config import Hyperparameters
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from extraction.examples import choose_examples
from extraction.outcomes import NoteOutcomes
from training.artifacts import Package, write_package
from training.base_model import fetch_base_model
from training.batching import PlanOptions, Step, plan_steps, share_of
from training.checkpoints import Checkpoint, CheckpointStore, checkpoint_to_resume, origin_of, remove_old_runs
from training.collation import StepDataset
from training.dataset import TRAIN_FILE, VALIDATION_FILE, even_sample, fetch_dataset, random_sample, read_records
from training.distributed import ALONE, Ranks
from training.encoded_dataset import EncodedDataset, cache_name, encode_once
from training.encoding import encode, refuse_longer
from training.engine import Companions, make_trainer, run_training
from training.evaluation import Benchmark, Judged, Measured, evaluate_once, gain, judge, make_benchmark
from training.evaluation import cache_name as evaluation_name
from training.heartbeat import Heartbeat, SilentHeartbeat
from training.history import HistoryRow, Surroundings, summarise
from training.host import Staging, aws_client
from training.interruption import Interruption
from training.models import (
    add_adapter,
    count_trainable,
    load_model,
    load_tokenizer,
    trainable_size_bytes,
    training_dtype,
)
from training.precision import settled


@dataclass(frozen=True)
class Launch:
    """What a launch is started with."""

    spec: RunSpec
    fence: int
    volume: VolumePaths
    interruption: Interruption
    ranks: Ranks = ALONE


@dataclass(frozen=True)
class Material:
    """What the run is made of: on this machine, checked and encoded."""

    options: Hyperparameters
    base_model: Path
    base_model_files: dict[str, str]
    tokenizer: PreTrainedTokenizerFast
    train: EncodedDataset
    benchmark: Benchmark
    validation_sha256: str


@dataclass(frozen=True)
class Trained:
    """The tuned model and how it came about."""

    model: PeftModel
    history: list[HistoryRow]
    resumed_from_step: int


@dataclass(frozen=True)
class Results:
    """What the untuned model was worth, where that was asked for, and the tuned one."""

    before: Measured | None
    after: Judged


def run_job(launch: Launch) -> None:
    """Train, evaluate, package and stage the run's adapter.

    Raises: every leaf of TrainingError, DatasetMissingError, HubTokenMissingError, HubUnavailableError.
    """
    spec = launch.spec
    staging = Staging(spec)
    speaker = Heartbeat if launch.ranks.is_first else SilentHeartbeat
    heartbeat = speaker(spec, launch.fence, launch.volume.progress(spec.run_id), staging.put_progress)
    heartbeat.enter(Phase.DOWNLOADING)
    dtype = training_dtype(spec.config.training)
    if launch.ranks.is_first:
        remove_old_runs(spec, launch.volume)
    checkpoint = checkpoint_to_resume(spec, launch.volume)
    with launch.ranks.first_goes_ahead():
        material = _gather(launch, heartbeat)
    model = load_model(material.base_model, dtype, material.options.quantization)

    before = _measure_before(launch, material, model, heartbeat)
    trained = _train(launch, material, model, heartbeat, checkpoint)
    launch.ranks.part()
    if not launch.ranks.is_first:
        return
    heartbeat.enter(Phase.EVALUATING_AFTER, len(material.benchmark.records))
    after = judge(trained.model, material.benchmark, heartbeat.beat)

    heartbeat.enter(Phase.PACKAGING)
    package = _package(launch, material, trained, Results(before, after))
    directory = launch.volume.artifacts(spec.run_id)
    manifest = write_package(directory, package, trained.model, material.tokenizer)
    staging.upload(directory, manifest)
    heartbeat.enter(Phase.DONE)
    scores = package.metrics
    logger.info(
        "macro-F1 {} -> {:.3f}", f"{scores.before.macro_f1:.3f}" if scores.before else "?", scores.after.macro_f1
    )


def _gather(launch: Launch, heartbeat: Heartbeat) -> Material:
    spec, options = launch.spec, launch.spec.config
    dataset = fetch_dataset(spec, launch.volume, aws_client("s3"))
    train = random_sample(read_records(dataset / TRAIN_FILE), options.training.samples, options.training.seed)
    validation = even_sample(read_records(dataset / VALIDATION_FILE), options.evaluation.samples)
    base_model, base_model_files = fetch_base_model(spec, launch.volume, heartbeat)
    tokenizer = load_tokenizer(base_model)
    encoded = encode_once(encode(tokenizer, train), launch.volume.encoded(cache_name(spec, base_model_files)))
    # a record over the token budget would be a batch that memory was not promised for
    refuse_longer(encoded.lengths, min(options.training.max_seq_length, options.training.max_tokens_per_batch))
    return Material(
        options=settled(options, base_model),
        base_model=base_model,
        base_model_files=base_model_files,
        tokenizer=tokenizer,
        train=encoded,
        benchmark=make_benchmark(validation, tokenizer, options.evaluation, options.training.max_tokens_per_batch),
        validation_sha256=sha256_of(dataset / VALIDATION_FILE),
    )


def _measure_before(
    launch: Launch, material: Material, model: PreTrainedModel, heartbeat: Heartbeat
) -> Measured | None:
    if not (launch.spec.config.evaluation.before_tuning and launch.ranks.is_first):
        return None
    heartbeat.enter(Phase.EVALUATING_BEFORE, len(material.benchmark.records))
    precision = f"{model.dtype}/{material.options.quantization}"
    name = evaluation_name(material.benchmark, material.base_model_files, precision)
    return evaluate_once(model, material.benchmark, heartbeat.beat, launch.volume.root / "evaluations" / name)


def _train(
    launch: Launch, material: Material, model: PreTrainedModel, heartbeat: Heartbeat, checkpoint: Checkpoint | None
) -> Trained:
    spec, options = launch.spec, material.options
    plan = _plan(material, options, launch.ranks)
    store = CheckpointStore(
        launch.volume.checkpoints(spec.run_id), origin_of(spec), options.keep_checkpoints, launch.ranks.is_first
    )
    resumed_from_step = checkpoint.step if checkpoint else 0
    heartbeat.enter(Phase.TRAINING, len(plan))
    heartbeat.beat(
        resumed_from_step=resumed_from_step, step=resumed_from_step, checkpoint_step=resumed_from_step or None
    )
    tuned = add_adapter(model, options)
    heartbeat.beat(adapter_size_bytes=trainable_size_bytes(tuned))
    launch.ranks.wait()
    board = launch.volume.board(spec.run_id)
    companions = Companions(store, heartbeat, launch.interruption, launch.ranks, board, resumed_from_step)
    trainer = make_trainer(tuned, StepDataset(material.train, plan), options, companions)
    history = run_training(trainer, checkpoint.path if checkpoint else None, launch.interruption)
    return Trained(tuned, history, resumed_from_step)


def _plan(material: Material, options: Hyperparameters, ranks: Ranks) -> list[Step]:
    lengths = material.train.lengths
    plan = PlanOptions(options.batch_size, options.max_tokens_per_batch, options.epochs, options.seed)
    return [share_of(step, lengths, plan, (ranks.rank, ranks.count)) for step in plan_steps(lengths, plan)]


def _package(launch: Launch, material: Material, trained: Trained, results: Results) -> Package:
    spec, before, after = launch.spec, results.before, results.after.measured
    metrics = Metrics(
        run_id=spec.run_id,
        validation_sha256=material.validation_sha256,
        before=before.scores if before else None,
        after=after.scores,
        gain=gain(before, after) if before else None,
        training=_summary(material.options, trained, before, after),
    )
    records = material.benchmark.records
    return Package(
        spec=spec,
        metrics=metrics,
        outcomes=NoteOutcomes(before=before.counts if before else None, after=after.counts),
        examples=choose_examples(records, results.after.answers) if spec.dataset_is_synthetic else None,
        history=trained.history,
        base_model_files=material.base_model_files,
        board=launch.volume.board(spec.run_id),
    )


def _summary(options: Hyperparameters, trained: Trained, before: Measured | None, after: Measured) -> TrainingSummary:
    around = Surroundings(
        resumed_from_step=trained.resumed_from_step,
        held_out_loss_before=before.held_out_loss if before else None,
        held_out_loss_after=after.held_out_loss,
        trainable_parameters=count_trainable(trained.model),
        quantization=options.quantization,
        gradient_checkpointing=options.gradient_checkpointing is True,
    )
    return summarise(trained.history, around)
