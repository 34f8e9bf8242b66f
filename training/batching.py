"""The order of the training: which records make up which optimiser step, and how a step is cut to fit memory.

Everything follows from lengths and a seed, so that a resumed run walks the same path. It must not import torch.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

MicroBatch: TypeAlias = tuple[int, ...]
Step: TypeAlias = tuple[MicroBatch, ...]

# batches are sorted by length within so many of them at a time: little padding, and still a random mixture
BATCHES_PER_GROUP = 50


@dataclass(frozen=True)
class PlanOptions:
    """What the plan depends on besides the lengths."""

    batch_size: int
    max_tokens_per_batch: int
    epochs: float
    seed: int


def plan_steps(lengths: Sequence[int], options: PlanOptions) -> list[Step]:
    """Return every optimiser step of the run as micro-batches of record indices, in order."""
    steps_per_epoch = math.ceil(len(lengths) / options.batch_size)
    total_steps = max(1, round(options.epochs * steps_per_epoch))
    steps: list[Step] = []
    for epoch in range(math.ceil(total_steps / steps_per_epoch)):
        batches = _epoch_batches(lengths, options.batch_size, random.Random(f"{options.seed}/{epoch}"))
        steps += [cut_to_budget(batch, lengths, options.max_tokens_per_batch) for batch in batches]
    return steps[:total_steps]


def share_of(step: Step, lengths: Sequence[int], options: PlanOptions, seat: tuple[int, int]) -> Step:
    """Return what one of several processes works through of a step; all shares together are the step.

    `seat` is the process's rank and the number of processes; with fewer records than processes some shares are empty.
    """
    rank, count = seat
    if count == 1:
        return step
    records = sorted((index for micro_batch in step for index in micro_batch), key=lambda item: (-lengths[item], item))
    # dealt to and fro from the longest on, so that no process waits long for the others
    seats = [*range(count), *reversed(range(count))]
    mine = [index for place, index in enumerate(records) if seats[place % len(seats)] == rank]
    return cut_to_budget(mine, lengths, options.max_tokens_per_batch) if mine else ()


def cut_to_budget(batch: Sequence[int], lengths: Sequence[int], max_tokens: int) -> Step:
    """Return a batch cut into micro-batches of at most `max_tokens` tokens each, padding counted."""
    micro_batches: list[MicroBatch] = []
    current: list[int] = []
    for index in sorted(batch, key=lambda item: (-lengths[item], item)):
        longest = lengths[current[0]] if current else lengths[index]
        if current and longest * (len(current) + 1) > max_tokens:
            micro_batches.append(tuple(current))
            current = []
        current.append(index)
    return (*micro_batches, tuple(current))


def _epoch_batches(lengths: Sequence[int], batch_size: int, generator: random.Random) -> list[list[int]]:
    order = list(range(len(lengths)))
    generator.shuffle(order)
    group_size = batch_size * BATCHES_PER_GROUP
    batches = []
    for start in range(0, len(order), group_size):
        group = sorted(order[start : start + group_size], key=lambda index: -lengths[index])
        batches += [group[first : first + batch_size] for first in range(0, len(group), batch_size)]
    generator.shuffle(batches)
    return batches
