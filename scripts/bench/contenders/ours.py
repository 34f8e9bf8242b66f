"""The project's own engine, called as the training job calls it; only what watches over a run stays silent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from slm_core.training_config import Hyperparameters

from scripts.bench.channel import Channel
from scripts.bench.contenders.ground import Turns, Work, ground_of, report, with_work
from scripts.bench.plan import Plan
from training.allocator import keep_freed_memory
from training.batching import PlanOptions, plan_steps
from training.checkpoints import CheckpointStore
from training.collation import StepDataset
from training.encoding import EncodedRecord
from training.engine import Companions, make_trainer, run_training
from training.heartbeat import SilentHeartbeat
from training.interruption import Interruption
from training.models import CausalModel, add_adapter

NEVER_BY_STEPS = 1_000_000
# as the laptop's configuration has it
FURTHER_SAMPLES_PER_STEP = 2


def run(_name: str, plan: Plan, channel: Channel) -> None:
    """Train in turns; at one more turn go on, unmeasured, and keep the adapter for the generation."""
    keep_freed_memory()
    ground = ground_of(plan)
    options = ground.config.training.model_copy(update={"checkpoint_steps": NEVER_BY_STEPS})
    model = add_adapter(ground.base_model(), options)
    turns = Turns(plan, channel)
    history = _train(model, ground.train, options, plan, turns)
    report(model, ground, channel, with_work(turns.rounds, [_work(row) for row in history]))
    channel.wait()
    if ground.further:
        _train(model, ground.further, options.model_copy(update={"batch_size": FURTHER_SAMPLES_PER_STEP}), plan)
    model.save_pretrained(plan.adapter)
    channel.say("kept")


def _train(
    model: CausalModel, records: Sequence[EncodedRecord], options: Hyperparameters, plan: Plan, *watchers: Turns
) -> list[dict[str, Any]]:
    interruption = Interruption()
    store = CheckpointStore(Path(plan.work_directory, "checkpoints"), {}, 1)
    steps = PlanOptions(options.batch_size, options.max_tokens_per_batch, options.epochs, options.seed)
    planned = StepDataset(records, plan_steps([len(record) for record in records], steps))
    trainer = make_trainer(model, planned, options, Companions(store, SilentHeartbeat(), interruption))
    for watcher in watchers:
        trainer.add_callback(watcher)
    return run_training(trainer, None, interruption)


def _work(row: dict[str, Any]) -> Work:
    return {"samples": row["samples"], "tokens": row["tokens"], "positions": row["padded_tokens"]}
