"""One training of the local model, measured on records it has not seen: what the sweep and the quality table run.

python -m scripts.quality.trial '{"overrides": {"samples": 128}}' prints its result as JSON. Each trial is a process of
its own, so that its memory, its CPU seconds and its random state are its own. training/engine.py does the training.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from slm_core.training_config import Hyperparameters, load_training_config

from scripts.quality.trials import CONFIG, DATASET, HELD_BACK_RECORDS, KEPT, MODEL, Request
from training.allocator import keep_freed_memory
from training.batching import PlanOptions, plan_steps
from training.checkpoints import CheckpointStore, newest_complete
from training.collation import StepDataset
from training.dataset import TRAIN_FILE, VALIDATION_FILE, even_sample, random_sample, read_records
from training.encoding import encode_records
from training.engine import Companions, make_trainer, run_training
from training.evaluation import evaluate, held_out_loss, make_benchmark
from training.heartbeat import SilentHeartbeat
from training.interruption import Interruption
from training.models import add_adapter, load_adapter, load_model, load_tokenizer, training_dtype


class TerminalHeartbeat(SilentHeartbeat):
    """A heartbeat that only a person at the terminal hears."""

    def beat(self, **changes: Any) -> None:
        """Say how far the training is."""
        if "loss" in changes:
            print(f"step {changes['step']}  loss {changes['loss']:.3f}", file=sys.stderr)


def run(request: Request) -> dict[str, Any]:
    """Return what the trial measured: losses, scores, seconds and memory."""
    config = load_training_config(CONFIG)
    untuned = request.overrides.get("samples") == 0
    changes = {key: value for key, value in request.overrides.items() if not (untuned and key == "samples")}
    options = Hyperparameters.model_validate(config.training.model_dump() | changes)

    train, measured = _records(request)
    tokenizer = load_tokenizer(MODEL)
    model = load_model(MODEL, training_dtype(options), options.quantization)
    result: dict[str, Any] = {"request": request.model_dump()}
    if not untuned:
        model, result["training"] = _tuned(
            request, model, lambda scratch: _train(model, (tokenizer, train), options, scratch)
        )
    benchmark = make_benchmark(measured, tokenizer, config.evaluation, options.max_tokens_per_batch)
    started = time.process_time()
    if request.answers:
        evaluated = evaluate(model, benchmark, _say_nothing)
        result |= {"held_out_loss": evaluated.held_out_loss, "scores": evaluated.scores.model_dump(mode="json")}
    else:
        result["held_out_loss"] = held_out_loss(model.eval(), benchmark, _say_nothing)
    result["evaluation_cpu_seconds"] = time.process_time() - started
    result["cpu_seconds"] = time.process_time()
    result["peak_memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return result


def _tuned(
    request: Request, model: Any, train: Callable[[Path], tuple[Any, dict[str, Any]]]
) -> tuple[Any, dict[str, Any]]:
    """Return the tuned model and how its training went: kept from before, or trained from its newest checkpoint."""
    if request.adapter is None:
        with tempfile.TemporaryDirectory() as scratch:
            return train(Path(scratch))
    kept = KEPT.parent / request.adapter
    if (kept / "training.json").exists():
        return load_adapter(model, kept), json.loads((kept / "training.json").read_text(encoding="utf-8"))
    tuned, account = train(kept / "checkpoints")
    tuned.save_pretrained(kept)
    (kept / "training.json").write_text(json.dumps(account), encoding="utf-8")
    return tuned, account


def _records(request: Request) -> tuple[list[Any], list[Any]]:
    """Return what may be trained on, and what is measured on: never a record in common, never validation in a sweep."""

    train = read_records(DATASET / TRAIN_FILE)
    random.Random("held back").shuffle(train)  # noqa: S311 -- the same slice for every trial
    held_back, rest = train[:HELD_BACK_RECORDS], train[HELD_BACK_RECORDS:]
    if request.measured_on == "held-back":
        return rest, even_sample(held_back, request.records)
    return rest, even_sample(read_records(DATASET / VALIDATION_FILE), request.records)


def _train(
    model: Any, material: tuple[Any, list[Any]], options: Hyperparameters, scratch: Path
) -> tuple[Any, dict[str, Any]]:
    """Return the tuned model and how the training went, over all its launches."""
    tokenizer, records = material
    encoded = encode_records(tokenizer, random_sample(records, options.samples, options.seed), options.max_seq_length)
    plan = plan_steps(
        [len(record) for record in encoded],
        PlanOptions(options.batch_size, options.max_tokens_per_batch, options.epochs, options.seed),
    )
    tuned = add_adapter(model, options)
    interruption = Interruption()
    checkpoint = newest_complete(scratch)
    companions = Companions(CheckpointStore(scratch, {}, keep=1), TerminalHeartbeat(), interruption)
    rare = options.model_copy(update={"checkpoint_steps": len(plan)})
    trainer = make_trainer(tuned, StepDataset(encoded, plan), rare, companions)
    started = time.process_time()
    history = run_training(trainer, checkpoint.path if checkpoint else None, interruption)
    cpu_seconds = time.process_time() - started
    done_here = sum(row["samples"] for row in history[checkpoint.step if checkpoint else 0 :])
    return tuned, {
        "steps": len(plan),
        "samples": sum(row["samples"] for row in history),
        "tokens": sum(row["tokens"] for row in history),
        "cpu_seconds_per_sample": cpu_seconds / done_here,
        "first_loss": history[0]["loss"],
        "last_loss": sum(row["loss"] for row in history[-8:]) / len(history[-8:]),
    }


def _say_nothing(**_changes: object) -> None:
    return None


def main() -> int:
    """Run the trial that the one argument asks for."""

    keep_freed_memory()
    print(json.dumps(run(Request.model_validate_json(sys.argv[1]))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
