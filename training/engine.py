"""The training: transformers' Trainer and PEFT, with steps cut to a token budget and a loss on the answers alone.

The plan of all steps is fixed before the first one and fed as a single epoch in order, so that resuming means nothing
but skipping the steps already done.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from slm_core.errors import TrainingDivergedError
from slm_core.training_config import Hyperparameters
from torch import Tensor
from torch.utils.data import DataLoader
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from training.board import REPORTER, board_callback
from training.checkpoints import CheckpointStore
from training.collation import StepDataset, StepInputs, only_item
from training.distributed import ALONE, Ranks
from training.heartbeat import Heartbeat, Pace
from training.interruption import Interruption
from training.loss import rows_loss
from training.loss_trace import LossTrace
from training.models import CausalModel, decoder_and_head
from training.packing import PackedTensors, packed_attention, packed_hidden_states


@dataclass(frozen=True)
class Companions:
    """What watches over the training: where checkpoints go, who is told, who may stop it."""

    store: CheckpointStore
    heartbeat: Heartbeat
    interruption: Interruption
    ranks: Ranks = ALONE
    board: Path | None = None
    done_steps: int = 0


class AnswerTrainer(Trainer):
    """A Trainer whose batch is a whole optimiser step, already cut into micro-batches."""

    ranks = ALONE
    """The processes that share every step."""

    work: dict[str, float]
    """What the newest step worked through, in all processes."""

    def get_train_dataloader(self) -> DataLoader[StepInputs]:
        """Return the plan's steps in order; accelerate must neither shuffle nor split them."""
        return DataLoader(self.train_dataset, batch_size=1, shuffle=False, collate_fn=only_item)  # type: ignore[arg-type]

    def training_step(
        self, model: torch.nn.Module, inputs: dict[str, Any], num_items_in_batch: Tensor | int | None = None
    ) -> Tensor:
        """Return the step's loss, the mean over all answer tokens of the step, with its gradients accumulated."""
        started = time.monotonic()
        model.train()
        prepared: Any = self._prepare_inputs(inputs)
        micro_batches: list[PackedTensors] = prepared["micro_batches"]
        answer_tokens = int(self.ranks.total([sum(len(batch["targets"]) for batch in micro_batches)])[0])
        losses = [torch.zeros((), device=self.args.device)]
        decoder, _ = decoder_and_head(self.accelerator.unwrap_model(model))
        with packed_attention(decoder):
            for batch in micro_batches:
                with self.accelerator.autocast():
                    loss = self.compute_loss(model, dict(batch), num_items_in_batch=answer_tokens)
                self.accelerator.backward(loss)
                losses.append(loss.detach())
        self.ranks.sum_gradients(model.parameters())
        work = _work_of(micro_batches)
        totals = self.ranks.total(list(work.values()))
        self.work = dict(zip(work, map(int, totals), strict=True)) | {"step_seconds": time.monotonic() - started}
        # the Trainer logs the mean over the processes
        return torch.stack(losses).sum() * self.ranks.count

    def compute_loss(
        self,
        model: torch.nn.Module,
        inputs: Any,
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """Return a micro-batch's share of the step's loss.

        Units: nats per answer token of the step.
        """
        decoder, head = decoder_and_head(self.accelerator.unwrap_model(model))
        rows_RD = packed_hidden_states(decoder, inputs)
        return rows_loss(rows_RD, inputs["targets"], head) / (num_items_in_batch or 1)

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """Load the moments and the place in the schedule; rate, decay and betas stay those of this run's options.

        A run that continues another one may have changed them; to the same options it gives the same bits.
        """
        optimizer: Any = self.optimizer
        scheduler: Any = self.lr_scheduler
        own = [{name: value for name, value in group.items() if name != "params"} for group in optimizer.param_groups]
        base_rates = list(scheduler.base_lrs)
        super()._load_optimizer_and_scheduler(checkpoint)
        shapes = [shape(scheduler.last_epoch) for shape in scheduler.lr_lambdas]
        rates = [base * shape for base, shape in zip(base_rates, shapes, strict=True)]
        for group, options, rate in zip(optimizer.param_groups, own, rates, strict=True):
            group.update(options | {"lr": rate})
        scheduler.load_state_dict(scheduler.state_dict() | {"base_lrs": base_rates, "_last_lr": rates})

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Return 0: the Trainer's estimate wants a flat batch, and nothing here reads it."""
        return 0

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Log a step with what it worked through, so that the history alone gives a resumed run's totals."""
        super().log(logs | self.work if "loss" in logs else logs, start_time)


class Watch(TrainerCallback):
    """Tells the heartbeat of every step, saves by steps and by time, stops on a signal or a loss that is no number."""

    def __init__(self, options: Hyperparameters, companions: Companions) -> None:
        self._options = options
        self._companions = companions
        self._pace = Pace()
        self._trace = LossTrace()
        self._rows_traced = 0
        self._saved_at = time.monotonic()

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Report a step; the Trainer logs before it saves, so diverged weights never reach a checkpoint."""
        logs = kwargs["logs"]
        if "loss" not in logs:
            return
        if not (math.isfinite(logs["loss"]) and math.isfinite(logs["grad_norm"])):
            raise TrainingDivergedError(f"Loss or gradient was no number at step {state.global_step}")
        self._pace.add(logs["step_seconds"], logs["tokens"])
        self._follow(state.log_history)
        median_seconds = self._pace.median_step_seconds or 0.0
        self._companions.heartbeat.beat(
            step=state.global_step,
            loss=logs["loss"],
            tokens_per_second=self._pace.tokens_per_second,
            median_step_seconds=median_seconds,
            step_seconds_quartiles=self._pace.quartiles,
            losses=self._trace.values,
            seconds_left=(state.max_steps - state.global_step) * median_seconds,
        )

    def _follow(self, history: list[dict[str, float]]) -> None:
        """Trace the losses that are new; after a resume these are those of the launches before too."""
        for row in history[self._rows_traced :]:
            if "loss" in row:
                self._trace.add(row["loss"])
        self._rows_traced = len(history)

    def on_step_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> TrainerControl:
        """Ask for a checkpoint when it is due."""
        ranks = self._companions.ranks
        is_asked_to_stop = ranks.is_any(self._companions.interruption.is_requested)
        is_last = state.global_step >= state.max_steps
        is_due = state.global_step % self._options.checkpoint_steps == 0
        is_late = ranks.is_any(time.monotonic() - self._saved_at >= self._options.checkpoint_minutes * 60)
        control.should_save = is_asked_to_stop or is_last or is_due or is_late
        control.should_training_stop = control.should_training_stop or is_asked_to_stop
        return control

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Give the written checkpoint its name."""
        # each process has written its random state
        self._companions.ranks.wait()
        if self._companions.ranks.is_first:
            self._companions.store.adopt(state.global_step)
        self._saved_at = time.monotonic()
        self._companions.heartbeat.beat(checkpoint_step=state.global_step)
        self._companions.heartbeat.flush()


def make_trainer(
    model: CausalModel, steps: StepDataset, options: Hyperparameters, companions: Companions
) -> AnswerTrainer:
    """Return a trainer that is ready to run the plan."""
    trainer = AnswerTrainer(
        model=model, args=training_arguments(options, len(steps), companions.store.scratch), train_dataset=steps
    )
    trainer.ranks = companions.ranks
    if trainer.ranks.count > 1:
        # otherwise accelerate would put it into DistributedDataParallel
        trainer.accelerator.prepare_model(model, evaluation_mode=True)
        # the processes drop different activations
        torch.manual_seed(options.seed + trainer.ranks.rank)
    trainer.remove_callback(PrinterCallback)
    trainer.add_callback(Watch(options, companions))
    if companions.board is not None and REPORTER in options.report_to and companions.ranks.is_first:
        trainer.add_callback(board_callback(companions.board, companions.done_steps))
    return trainer


def training_arguments(options: Hyperparameters, total_steps: int, scratch: Path) -> TrainingArguments:
    """Return the Trainer's settings for a plan of `total_steps` optimiser steps."""
    has_gpu = torch.cuda.is_available()
    return TrainingArguments(
        output_dir=str(scratch),
        max_steps=total_steps,
        per_device_train_batch_size=1,
        learning_rate=options.learning_rate,
        lr_scheduler_type="warmup_stable_decay",
        lr_scheduler_kwargs={"num_decay_steps": round(options.decay_fraction * total_steps), "decay_type": "linear"},
        warmup_steps=round(options.warmup_fraction * total_steps),
        weight_decay=options.weight_decay,
        optim="adamw_torch",
        adam_beta2=options.adam_beta2,
        max_grad_norm=options.max_grad_norm,
        activation_checkpointing=options.gradient_checkpointing is True,
        activation_checkpointing_kwargs={"use_reentrant": False} if options.gradient_checkpointing is True else None,
        bf16=has_gpu and options.dtype != "float32" and torch.cuda.is_bf16_supported(),
        use_cpu=not has_gpu,
        seed=options.seed,
        save_strategy="no",
        logging_steps=1,
        logging_nan_inf_filter=False,
        disable_tqdm=True,
        # tensorboard's is added with a directory of the run
        report_to=[name for name in options.report_to if name != REPORTER] or "none",
        remove_unused_columns=False,
        dataloader_pin_memory=has_gpu,
    )


def run_training(trainer: AnswerTrainer, resume_from: Path | None, interruption: Interruption) -> list[dict[str, Any]]:
    """Train to the end of the plan and return the history, one row for each step, earlier launches included.

    Raises: TrainingInterruptedError after a signal, TrainingDivergedError.
    """
    with interruption.deferred():
        trainer.train(resume_from_checkpoint=str(resume_from) if resume_from else None)
    return [row for row in trainer.state.log_history if "loss" in row]


def _work_of(micro_batches: Sequence[PackedTensors]) -> dict[str, int]:
    return {
        "samples": sum(len(batch["row_of"]) for batch in micro_batches),
        "tokens": sum(batch["tokens"] for batch in micro_batches),
        # only the attention pads
        "padded_tokens": sum(batch["row_of"].numel() for batch in micro_batches),
    }
