"""The common ground of the contenders: same notes as same tokens, same model and adapter, same optimiser and schedule.

What is measured is here too: the turns, what each step worked through, and the loss on notes that nobody trained on.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import torch
from peft import get_peft_model
from slm_core.training_config import TrainingConfig, load_training_config
from transformers import (
    PreTrainedTokenizerFast,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from extraction.schema import DatasetRecord
from scripts.bench.channel import Channel, Stopwatch, peak_memory_mb
from scripts.bench.plan import CONFIG, DATASET, LOSS_NOTES, SAMPLES_PER_STEP, Plan, round_of
from training.dataset import random_sample, read_records
from training.encoding import EncodedRecord, encode_records
from training.evaluation import held_out_loss, make_benchmark
from training.models import CausalModel, load_model, load_tokenizer, lora_config, training_dtype

Work: TypeAlias = dict[str, int]
"""What a step worked through: samples, tokens, positions (padding included)."""


@dataclass(frozen=True)
class Ground:
    """What every contender stands on."""

    plan: Plan
    config: TrainingConfig
    tokenizer: PreTrainedTokenizerFast
    train: list[EncodedRecord]
    further: list[EncodedRecord]
    held_out: list[DatasetRecord]

    def base_model(self) -> Any:
        """Return the model without an adapter, the same for everybody."""
        return load_model(Path(self.plan.model), training_dtype(self.config.training))

    def model(self, lora_dropout: float = 0.0) -> Any:
        """Return the base model with a fresh adapter in PEFT's own layers, as everybody but ours has it."""
        options = self.config.training.model_copy(update={"lora_dropout": lora_dropout})
        base = self.base_model()
        # the draw of training.models.add_adapter: all begin with the same weights
        torch.manual_seed(options.seed)
        return get_peft_model(base, lora_config(options))

    def arguments(self, scratch: str) -> dict[str, Any]:
        """Return the settings that the contenders share, as keywords of TrainingArguments."""
        options = self.config.training
        return {
            "output_dir": str(Path(self.plan.work_directory, scratch)),
            "num_train_epochs": 1,
            "learning_rate": options.learning_rate,
            "weight_decay": options.weight_decay,
            "adam_beta2": options.adam_beta2,
            "max_grad_norm": options.max_grad_norm,
            "seed": options.seed,
            "use_cpu": True,
            "bf16": False,
            "save_strategy": "no",
            "logging_steps": 1,
            "disable_tqdm": True,
            "report_to": "none",
            "dataloader_pin_memory": False,
        }


def ground_of(plan: Plan) -> Ground:
    """Return the notes of train.jsonl: the plan's samples to train on, and others held out."""
    config = load_training_config(CONFIG)
    settings = {"batch_size": SAMPLES_PER_STEP, "epochs": 1, "lora_dropout": 0.0, "seed": plan.seed}
    config = config.model_copy(update={"training": config.training.model_copy(update=settings)})
    tokenizer = load_tokenizer(Path(plan.model))
    sizes = (plan.samples, plan.further_samples, plan.held_out_notes)
    drawn = random_sample(read_records(DATASET / "train.jsonl"), sum(sizes), plan.seed)
    train = encode_records(tokenizer, drawn[: -plan.held_out_notes], config.training.max_seq_length)
    return Ground(plan, config, tokenizer, train[: plan.samples], train[plan.samples :], drawn[-plan.held_out_notes :])


def set_schedule(arguments: TrainingArguments, ground: Ground, total_steps: int) -> None:
    """Give a trainer the schedule of ours, once it is known how many steps it makes of the samples."""
    options = ground.config.training
    arguments.lr_scheduler_type = "warmup_stable_decay"  # type: ignore[assignment]
    decay_steps = round(options.decay_fraction * total_steps)
    arguments.lr_scheduler_kwargs = {"num_decay_steps": decay_steps, "decay_type": "linear"}
    arguments.warmup_steps = round(options.warmup_fraction * total_steps)


class Turns(TrainerCallback):
    """Lets a Trainer work only when it is its turn, and measures each turn from its first step to its last."""

    def __init__(self, plan: Plan, channel: Channel) -> None:
        self._plan = plan
        self._channel = channel
        self._watch = Stopwatch()
        self.rounds: list[dict[str, float]] = []

    def on_step_begin(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Wait for the turn before the first step of a round."""
        if self._begins_round(state, state.global_step):
            self._channel.say("ready" if state.global_step == 0 else "round", **(self.rounds or [{}])[-1])
            self._channel.wait()
            self._watch = Stopwatch()

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Stop the watch after the last step of a round."""
        if state.global_step == state.max_steps or self._begins_round(state, state.global_step):
            self.rounds.append(self._watch.read() | {"steps": state.global_step})

    def _begins_round(self, state: TrainerState, step: int) -> bool:
        def round_at(place: int) -> int:
            return round_of(place, state.max_steps, self._plan.rounds)

        return step == 0 or round_at(step) != round_at(step - 1)


class Counted:
    """A data collator that notes what each batch holds."""

    def __init__(self, collate: Callable[[Any], dict[str, Any]]) -> None:
        self._collate = collate
        self.steps: list[Work] = []

    def __call__(self, examples: Any) -> dict[str, Any]:
        """Return the batch of the collator inside."""
        batch = self._collate(examples)
        self.steps.append(_work_of(batch))
        return batch


def _work_of(batch: dict[str, Any]) -> Work:
    positions = batch["input_ids"].numel()
    if "attention_mask" in batch:
        tokens = int(batch["attention_mask"].sum())
        return {"samples": len(batch["input_ids"]), "tokens": tokens, "positions": positions}
    # padding-free: one row, in which positions begin anew with each sample
    return {"samples": int((batch["position_ids"] == 0).sum()), "tokens": positions, "positions": positions}


def run_in_turns(trainer: Trainer, ground: Ground, channel: Channel, batch_size: int) -> None:
    """Train a contender that is a plain Trainer, then report what it cost and what it has learned."""
    counted = Counted(trainer.data_collator)
    trainer.data_collator = counted  # type: ignore[assignment]
    set_schedule(trainer.args, ground, math.ceil(len(trainer.train_dataset) / batch_size))  # type: ignore[arg-type]
    turns = Turns(ground.plan, channel)
    trainer.add_callback(turns)
    trainer.train()
    report(trainer.model, ground, channel, with_work(turns.rounds, counted.steps))


def with_work(rounds: Sequence[dict[str, float]], steps: Sequence[Work]) -> list[dict[str, float]]:
    """Return the rounds with the sums of what their steps worked through."""
    done, merged = 0, []
    for one in rounds:
        own = steps[done : int(one["steps"])]
        work = {name: sum(step[name] for step in own) for name in ("samples", "tokens", "positions")}
        merged.append(one | work | {"steps": len(own)})
        done = int(one["steps"])
    return merged


def report(model: Any, ground: Ground, channel: Channel, rounds: Sequence[dict[str, float]]) -> None:
    """Say what the last round cost; at the next turn, the held-out loss, and the end."""
    peak_mb = peak_memory_mb()
    channel.say("round", **rounds[-1])
    channel.wait()
    loss = _held_out_loss(model, ground)
    lengths = [[len(record.prompt_ids), len(record.answer_ids)] for record in ground.train]
    channel.say("done", rounds=rounds, held_out_loss=loss, peak_memory_mb=peak_mb, lengths=lengths)


def _held_out_loss(model: CausalModel, ground: Ground) -> float:
    options = ground.config
    benchmark = make_benchmark(
        ground.held_out[:LOSS_NOTES], ground.tokenizer, options.evaluation, options.training.max_tokens_per_batch
    )
    return held_out_loss(model.eval(), benchmark, lambda **_changes: None)
