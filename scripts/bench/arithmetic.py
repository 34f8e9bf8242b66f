"""The bench's arithmetic: floating-point operations that samples need, ratios with their spread, and the verdicts.

It imports no library that it measures, so that the page can be rendered anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

FLOOR_OVER_USUAL = 1.8
GOAL_OVER_USUAL = 2.0
GOAL_OVER_SFT = 1.5
GOAL_GEMM_SHARE = 0.6
GOAL_GENERATION = 2.0
# noise of a held-out loss over a few dozen notes: "no worse" within one per cent
LOSS_TOLERANCE = 1.01
BUDGET_SECONDS = 900

USUAL = "usual"
OURS = "ours"
SFT_PREFIX = "sft"

Lengths: TypeAlias = tuple[int, int]
"""Tokens of one sample: of its prompt, of its answer (stop token included)."""


@dataclass(frozen=True)
class Shapes:
    """The sizes of a Llama that its matrix products follow from."""

    layers: int
    hidden: int
    intermediate: int
    attention: int
    key_value: int
    vocabulary: int

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Shapes:
        """Return the shapes in a model's config.json."""
        head = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
        return cls(
            layers=config["num_hidden_layers"],
            hidden=config["hidden_size"],
            intermediate=config["intermediate_size"],
            attention=config["num_attention_heads"] * head,
            key_value=config["num_key_value_heads"] * head,
            vocabulary=config["vocab_size"],
        )

    def projections(self) -> tuple[tuple[int, int], ...]:
        """Return the (inputs, outputs) of one layer's seven linear maps."""
        return (
            (self.hidden, self.attention),
            (self.hidden, self.key_value),
            (self.hidden, self.key_value),
            (self.attention, self.hidden),
            (self.hidden, self.intermediate),
            (self.hidden, self.intermediate),
            (self.intermediate, self.hidden),
        )

    def linear_parameters(self) -> int:
        """Return the parameters of all layers' linear maps."""
        return self.layers * sum(inputs * outputs for inputs, outputs in self.projections())

    def adapter_parameters(self, rank: int) -> int:
        """Return the parameters of a LoRA adapter of this rank on all of them."""
        return self.layers * sum(rank * (inputs + outputs) for inputs, outputs in self.projections())


def sample_flops(shapes: Shapes, rank: int, lengths: Lengths) -> int:
    """Return the operations that one sample's forward and backward pass need, without recomputation or padding.

    A frozen weight costs 2 forward and 2 for the gradient of its input; an adapter's weight 2 more for its own; the
    head stands over the answer's rows alone; causal attention is half a square, forward once and backward twice.
    """
    tokens, answer = sum(lengths), lengths[1]
    frozen = 4 * shapes.linear_parameters() * tokens
    adapter = 6 * shapes.adapter_parameters(rank) * tokens
    head = 4 * shapes.vocabulary * shapes.hidden * answer
    attention = 6 * shapes.layers * shapes.attention * tokens * tokens
    return frozen + adapter + head + attention


def gemm_flops(shapes: Shapes, rows: int, head_rows: int) -> int:
    """Return the operations of one pass of the bare matrix products: forward, and gradients of the inputs."""
    return 4 * (shapes.linear_parameters() * rows + shapes.vocabulary * shapes.hidden * head_rows)


@dataclass(frozen=True)
class Ratio:
    """How much less one needs than another: over the whole run, and the least and the most of its rounds."""

    whole: float
    least: float
    most: float


def cpu_seconds_per_sample(contender: Mapping[str, Any]) -> float:
    """Return a contender's CPU seconds over all its samples."""
    rounds = contender["rounds"]
    return float(sum(one["cpu_seconds"] for one in rounds) / sum(one["samples"] for one in rounds))


def speedup(contender: Mapping[str, Any], reference: Mapping[str, Any]) -> Ratio:
    """Return how many times fewer CPU seconds a contender needs than the reference for the same samples.

    Each contender sees the samples in the order of its own loader, so that a single round is compared by real token.
    """
    by_round = [
        _seconds_per_token(slow) / _seconds_per_token(quick)
        for slow, quick in zip(reference["rounds"], contender["rounds"], strict=True)
    ]
    whole = cpu_seconds_per_sample(reference) / cpu_seconds_per_sample(contender)
    return Ratio(whole, min(by_round), max(by_round))


def _seconds_per_token(one: Mapping[str, Any]) -> float:
    return float(one["cpu_seconds"] / one["tokens"])


def gemm_rate(report: Mapping[str, Any]) -> float:
    """Return the measured rate of the model's bare matrix products in operations a CPU second."""
    gemm = report["gemm"]
    return float(sum(one["flops"] for one in gemm) / sum(one["cpu_seconds"] for one in gemm))


def gemm_share(contender: Mapping[str, Any], report: Mapping[str, Any]) -> float:
    """Return which share of that rate a contender reaches, counting only the operations that its samples need."""
    shapes = Shapes(**report["shapes"])
    needed = sum(sample_flops(shapes, report["lora_rank"], (lengths[0], lengths[1])) for lengths in report["lengths"])
    return float(needed / sum(one["cpu_seconds"] for one in contender["rounds"]) / gemm_rate(report))


def padding_share(contender: Mapping[str, Any]) -> float:
    """Return the share of computed positions that hold no token."""
    rounds = contender["rounds"]
    return 1 - float(sum(one["tokens"] for one in rounds) / sum(one["positions"] for one in rounds))


def best_sft(contenders: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the name of the quickest SFTTrainer."""
    return min(
        (name for name in contenders if name.startswith(SFT_PREFIX)),
        key=lambda n: cpu_seconds_per_sample(contenders[n]),
    )


def generation_ratio(generation: Mapping[str, Sequence[Mapping[str, Any]]]) -> Ratio:
    """Return how many times fewer CPU seconds our generation needs, over all chunks and by chunk."""
    ours, theirs = ([one["cpu_seconds"] for one in generation[name]] for name in ("ours", "generate"))
    by_chunk = [slow / quick for slow, quick in zip(theirs, ours, strict=True)]
    return Ratio(sum(theirs) / sum(ours), min(by_chunk), max(by_chunk))


@dataclass(frozen=True)
class Verdict:
    """A bound and what was reached."""

    name: str
    value: float
    bound: float
    is_minimum: bool = True
    is_floor: bool = False

    @property
    def is_met(self) -> bool:
        """Return whether the bound is kept."""
        return self.value >= self.bound if self.is_minimum else self.value <= self.bound


def verdicts(report: Mapping[str, Any]) -> list[Verdict]:
    """Return the floor and the goals with what this run reached."""
    contenders = report["contenders"]
    ours, usual, sft = contenders[OURS], contenders[USUAL], contenders[best_sft(contenders)]
    over_usual = speedup(ours, usual).whole
    peers_loss = min(usual["held_out_loss"], sft["held_out_loss"])
    return [
        Verdict("floor: CPU seconds per sample, usual recipe / ours", over_usual, FLOOR_OVER_USUAL, is_floor=True),
        Verdict("CPU seconds per sample, usual recipe / ours", over_usual, GOAL_OVER_USUAL),
        Verdict("CPU seconds per sample, best SFTTrainer / ours", speedup(ours, sft).whole, GOAL_OVER_SFT),
        Verdict(
            "held-out loss, ours / the better of both",
            ours["held_out_loss"] / peers_loss,
            LOSS_TOLERANCE,
            is_minimum=False,
        ),
        Verdict("share of the GEMM rate, ours", gemm_share(ours, report), GOAL_GEMM_SHARE),
        *_generation_verdicts(report["generation"]),
        Verdict("seconds of the whole run", report["seconds"], BUDGET_SECONDS, is_minimum=False),
    ]


def _generation_verdicts(generation: Mapping[str, Any] | None) -> list[Verdict]:
    if generation is None:
        return []
    notes = sum(one["notes"] for one in generation["ours"])
    return [
        Verdict("CPU seconds per note, `generate` / ours", generation_ratio(generation).whole, GOAL_GENERATION),
        Verdict("answers equal token for token", generation["equal"] / notes, 1.0),
    ]


def is_above_floor(report: Mapping[str, Any]) -> bool:
    """Return whether every floor is kept; goals may be missed."""
    return all(verdict.is_met for verdict in verdicts(report) if verdict.is_floor)
