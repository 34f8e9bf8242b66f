"""The project's own engine, called as the training job calls it; only what watches over a run stays silent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from scripts.bench.channel import Channel
from scripts.bench.contenders.ground import Ground, Turns, Work, ground_of, report, with_work
from scripts.bench.plan import Plan
from training.allocator import keep_freed_memory
from training.batching import PlanOptions, plan_steps
from training.checkpoints import CheckpointStore
from training.collation import StepDataset
from training.engine import Companions, make_trainer, run_training
from training.heartbeat import SilentHeartbeat
from training.interruption import Interruption
from training.models import add_adapter

NEVER_BY_STEPS = 1_000_000


def run(_name: str, plan: Plan, channel: Channel) -> None:
    """Train in turns and keep the adapter for the generation."""
    keep_freed_memory()
    ground = ground_of(plan)
    options = ground.config.training.model_copy(update={"checkpoint_steps": NEVER_BY_STEPS})
    model = add_adapter(ground.base_model(), options)
    interruption = Interruption()
    store = CheckpointStore(Path(plan.work_directory, "checkpoints"), {}, 1)
    companions = Companions(store, SilentHeartbeat(), interruption)
    trainer = make_trainer(model, _steps(ground), options, companions)
    turns = Turns(plan, channel)
    trainer.add_callback(turns)
    history = run_training(trainer, None, interruption)
    model.save_pretrained(plan.adapter)
    report(model, ground, channel, with_work(turns.rounds, [_work(row) for row in history]))


def _steps(ground: Ground) -> StepDataset:
    options = ground.config.training
    plan = PlanOptions(options.batch_size, options.max_tokens_per_batch, options.epochs, options.seed)
    return StepDataset(ground.train, plan_steps([len(record) for record in ground.train], plan))


def _work(row: dict[str, Any]) -> Work:
    return {"samples": row["samples"], "tokens": row["tokens"], "positions": row["padded_tokens"]}
