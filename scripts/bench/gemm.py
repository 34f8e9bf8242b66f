"""The measured ceiling: the model's own matrix products in fp32 and nothing else, at the rows of one step."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from scripts.bench.arithmetic import Shapes, gemm_flops
from scripts.bench.channel import Channel, Stopwatch
from scripts.bench.plan import Plan

ROWS, HEAD_ROWS = 1100, 300  # four notes: about 284 tokens each, 73 of them the answer's


def run(_name: str, plan: Plan, channel: Channel) -> None:
    """Pass once through all products at each turn; weights are as many as the model's, so that caches help no more."""
    config = json.loads(Path(plan.model, "config.json").read_text(encoding="utf-8"))
    shapes = Shapes.from_config(config)
    layers = [torch.randn(outputs, inputs) for _ in range(shapes.layers) for inputs, outputs in shapes.projections()]
    head = torch.randn(shapes.vocabulary, shapes.hidden)
    _pass(layers, ROWS)
    _pass([head], HEAD_ROWS)
    channel.say("ready")
    for _ in range(plan.rounds):
        channel.wait()
        watch = Stopwatch()
        _pass(layers, ROWS)
        _pass([head], HEAD_ROWS)
        channel.say("round", **watch.read(), flops=gemm_flops(shapes, ROWS, HEAD_ROWS))
    channel.wait()
    channel.say("done")


def _pass(weights: Sequence[Tensor], rows: int) -> None:
    """Multiply forward and back to the inputs, into memory that is there already."""
    widths = {width for weight in weights for width in weight.shape}
    given, forward, backward = ({width: torch.randn(rows, width) for width in widths} for _ in range(3))
    for weight in weights:
        outputs, inputs = weight.shape
        torch.mm(given[inputs], weight.t(), out=forward[outputs])
        torch.mm(forward[outputs], weight, out=backward[inputs])
