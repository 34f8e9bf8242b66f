"""The steps of a run as rows of numbers: what the plots, the summary and history.jsonl are made from."""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from slm_core.records import TrainingSummary

HistoryRow = dict[str, Any]
COLUMNS = ("step", "loss", "grad_norm", "learning_rate", "samples", "tokens", "padded_tokens", "step_seconds")


@dataclass(frozen=True)
class Surroundings:
    """What the summary says besides the steps."""

    resumed_from_step: int
    held_out_loss_before: float | None
    held_out_loss_after: float | None
    trainable_parameters: int
    quantization: str
    gradient_checkpointing: bool


def as_jsonl(history: Sequence[HistoryRow]) -> str:
    """Return the history as JSON lines, one for each step."""
    rows = [{column: row[column] for column in COLUMNS if column in row} for row in history]
    return "".join(json.dumps(row) + "\n" for row in rows)


def summarise(history: Sequence[HistoryRow], around: Surroundings) -> TrainingSummary:
    """Return the totals of a run over all its launches."""
    padded_tokens = sum(row["padded_tokens"] for row in history)
    tokens = sum(row["tokens"] for row in history)
    return TrainingSummary(
        steps=history[-1]["step"],
        resumed_from_step=around.resumed_from_step,
        samples_seen=sum(row["samples"] for row in history),
        tokens_seen=tokens,
        first_loss=history[0]["loss"],
        last_loss=history[-1]["loss"],
        held_out_loss_before=around.held_out_loss_before,
        held_out_loss_after=around.held_out_loss_after,
        seconds=sum(row["step_seconds"] for row in history),
        padding_share=1 - tokens / padded_tokens,
        peak_memory_bytes=peak_memory_bytes(),
        trainable_parameters=around.trainable_parameters,
        quantization=around.quantization,
        gradient_checkpointing=around.gradient_checkpointing,
        device=device_name(),
    )


def peak_memory_bytes() -> int:
    """Return the most memory this process has held: of the GPU if there is one, else of the machine."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def device_name() -> str:
    """Return what trained: the GPU's name, or the CPU with its threads."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"cpu ({torch.get_num_threads()} threads)"
