"""The time of a run and its price, as a range: how much of a GPU's peak is reached has not been measured here.

Units: seconds, FLOP, USD.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from slm_core.sizing.gpu import Gpu
from slm_core.sizing.memory import BFLOAT16_BYTES, FLOAT32_BYTES, LOGIT_ROWS_PER_CHUNK, NF4_BYTES, Scale
from slm_core.training_config import Frozen

# the usual QLoRA recipe is reported to reach 19 % on an L4 (9,995 s for 22,500 samples); well-fed bf16 products 40-50 %
COMPUTE_SHARE_LOW, COMPUTE_SHARE_HIGH = 0.20, 0.45
BANDWIDTH_SHARE_LOW, BANDWIDTH_SHARE_HIGH = 0.40, 0.80
SHARE_SOURCE = (
    "an assumption, not a measurement: the usual QLoRA recipe is reported to reach 19 % of an L4's peak"
    " (9,995 s for 22,500 samples), well-fed bfloat16 products 40-50 %"
)
SECONDS_AN_HOUR = 3600


class TokenCounts(Frozen):
    """The dataset in tokens of the base model, and where the counts come from."""

    train_records: int
    validation_records: int
    mean_tokens: float
    p99_tokens: int
    longest_tokens: int
    mean_answer_tokens: float
    longest_answer_tokens: int
    source: str


class Range(Frozen):
    """The best and the worst that is expected."""

    low: float
    high: float


class Duration(Frozen):
    """The time of a run's parts, with the lines of its arithmetic."""

    training_seconds: Range
    evaluation_seconds: Range
    tokens_per_second: Range
    arithmetic: tuple[str, ...]

    @property
    def hours(self) -> Range:
        """Training and evaluation together."""
        low = self.training_seconds.low + self.evaluation_seconds.low
        high = self.training_seconds.high + self.evaluation_seconds.high
        return Range(low=low / SECONDS_AN_HOUR, high=high / SECONDS_AN_HOUR)


@dataclass(frozen=True)
class Work:
    """What is computed, on what."""

    scale: Scale
    counts: TokenCounts
    gpu: Gpu
    gpus: int
    is_recomputing: bool

    @property
    def train_tokens(self) -> float:
        """Tokens of all passes over the training records, padding left out."""
        options = self.scale.options
        records = min(options.samples or self.counts.train_records, self.counts.train_records)
        return records * options.epochs * self.counts.mean_tokens

    @property
    def tokens_a_pass(self) -> float:
        """Tokens of an ordinary micro-batch."""
        options = self.scale.options
        return min(options.max_tokens_per_batch, math.ceil(options.batch_size / self.gpus) * self.counts.mean_tokens)

    @property
    def peak_flops(self) -> float:
        """FLOP a second of one GPU in this precision."""
        is_half = self.scale.value_bytes == BFLOAT16_BYTES
        return (self.gpu.bfloat16_tflops if is_half else self.gpu.float32_tflops) * 1e12


def training_flops_per_token(work: Work) -> tuple[float, str]:
    """Return the work of one token, forward and backward, and how it comes about.

    A frozen matrix costs 2 FLOP a weight forward and 2 backward (no gradient of its own), recomputing 2 more; the
    adapter has gradients of its own; the vocabulary projection sees the answer's rows only.
    """
    shape, counts, extra = work.scale.shape, work.counts, 2 if work.is_recomputing else 0
    has_chunks = work.tokens_a_pass * counts.mean_answer_tokens / counts.mean_tokens > LOGIT_ROWS_PER_CHUNK
    share, head_passes = counts.mean_answer_tokens / counts.mean_tokens, 6 if has_chunks else 4
    attention = (12 + 2 * extra) * shape.num_hidden_layers * shape.attention_size * counts.mean_tokens
    flops = (
        (4 + extra) * shape.linear_parameters
        + (6 + extra) * work.scale.adapter_parameters
        + attention
        + head_passes * shape.vocab_size * shape.hidden_size * share
    )
    arithmetic = (
        f"{4 + extra} x {shape.linear_parameters:,} (frozen matrices{', recomputed once' if extra else ''})"
        f" + {6 + extra} x {work.scale.adapter_parameters:,} (adapter)"
        f" + {12 + 2 * extra} x {shape.num_hidden_layers} x {shape.attention_size:,} x {counts.mean_tokens:.0f}"
        " (attention)"
        f" + {head_passes} x {shape.vocab_size:,} x {shape.hidden_size:,} x {share:.2f} (logits of the answer's rows)"
        f" = {flops / 1e9:.1f} GFLOP a token"
    )
    return flops, arithmetic


def estimate_duration(work: Work, batch_size: int, max_new_tokens: int, evaluations: int) -> Duration:
    """Return how long training and evaluations take; the evaluations run on one GPU."""
    flops, flops_said = training_flops_per_token(work)
    unpacking, unpacking_said = _unpacking_seconds(work)
    compute = work.train_tokens * flops / work.peak_flops / work.gpus
    training = Range(
        low=compute / COMPUTE_SHARE_HIGH + unpacking.low, high=compute / COMPUTE_SHARE_LOW + unpacking.high
    )
    evaluation, evaluation_said = _evaluation_seconds(work, batch_size, max_new_tokens, evaluations)
    tokens = work.train_tokens
    said = (
        flops_said,
        f"{tokens:,.0f} training tokens x {flops / 1e9:.1f} GFLOP / ({work.gpus} x {work.peak_flops / 1e12:g} TFLOP/s)"
        f" = {compute:,.0f} s at peak; / {COMPUTE_SHARE_HIGH:.0%} to / {COMPUTE_SHARE_LOW:.0%}"
        f" = {compute / COMPUTE_SHARE_HIGH:,.0f} to {compute / COMPUTE_SHARE_LOW:,.0f} s",
        *unpacking_said,
        *evaluation_said,
    )
    return Duration(
        training_seconds=training,
        evaluation_seconds=evaluation,
        tokens_per_second=Range(low=tokens / training.high, high=tokens / training.low),
        arithmetic=said,
    )


def _unpacking_seconds(work: Work) -> tuple[Range, tuple[str, ...]]:
    """Return the time that writing out the 4-bit matrices takes, once forward and once backward of every pass."""
    if work.scale.quantization != "nf4":
        return Range(low=0, high=0), ()
    passes = work.train_tokens / work.tokens_a_pass / work.gpus
    sweeps = 3 if work.is_recomputing else 2
    moved = passes * sweeps * work.scale.shape.linear_parameters * (NF4_BYTES + work.scale.value_bytes)
    at_peak = moved / (work.gpu.gigabytes_per_second * 1e9)
    said = (
        f"unpacking NF4: {passes:,.0f} passes of {work.tokens_a_pass:,.0f} tokens x {sweeps} x"
        f" {work.scale.shape.linear_parameters:,} x ({NF4_BYTES:.2f} B read + {work.scale.value_bytes} B written)"
        f" / {work.gpu.gigabytes_per_second:g} GB/s = {at_peak:,.0f} s at full bandwidth;"
        f" / {BANDWIDTH_SHARE_HIGH:.0%} to / {BANDWIDTH_SHARE_LOW:.0%}"
    )
    return Range(low=at_peak / BANDWIDTH_SHARE_HIGH, high=at_peak / BANDWIDTH_SHARE_LOW), (said,)


def _evaluation_seconds(
    work: Work, batch_size: int, max_new_tokens: int, evaluations: int
) -> tuple[Range, tuple[str, ...]]:
    """Return the time of the evaluations: prompts and held-out loss by compute, the answers by memory bandwidth.

    A batch takes as many steps as its longest answer: the best case is the longest right answer, the worst the limit.
    """
    scale, counts = work.scale, work.counts
    reading = 2 * evaluations * counts.validation_records * counts.mean_tokens * 2 * scale.shape.linear_parameters
    reading_at_peak = reading / work.peak_flops
    batches = evaluations * math.ceil(counts.validation_records / batch_size)
    step_at_peak = _bytes_a_step(scale) / (work.gpu.gigabytes_per_second * 1e9)
    few, many = min(counts.longest_answer_tokens, max_new_tokens), max_new_tokens
    seconds = Range(
        low=reading_at_peak / COMPUTE_SHARE_HIGH + batches * few * step_at_peak / BANDWIDTH_SHARE_HIGH,
        high=reading_at_peak / COMPUTE_SHARE_LOW + batches * many * step_at_peak / BANDWIDTH_SHARE_LOW,
    )
    said = (
        f"evaluation, reading: {evaluations} x {counts.validation_records:,} notes x {counts.mean_tokens:.0f} tokens"
        f" x 2 (prompts, held-out loss) x 2 x {scale.shape.linear_parameters:,} = {reading_at_peak:,.0f} s at peak;"
        f" / {COMPUTE_SHARE_HIGH:.0%} to / {COMPUTE_SHARE_LOW:.0%}",
        f"evaluation, writing: {batches} batches of {batch_size} x {few} to {many} tokens x"
        f" {_bytes_a_step(scale) / 1e9:.2f} GB / {work.gpu.gigabytes_per_second:g} GB/s"
        f" = {batches * few * step_at_peak:,.0f} to {batches * many * step_at_peak:,.0f} s at full bandwidth;"
        f" / {BANDWIDTH_SHARE_HIGH:.0%} and / {BANDWIDTH_SHARE_LOW:.0%}",
    )
    return seconds, said


def _bytes_a_step(scale: Scale) -> float:
    """Return the memory traffic of one more token for every row: all weights once, unpacked ones written and reread."""
    shape = scale.shape
    head = shape.vocab_size * shape.hidden_size * scale.value_bytes
    adapter = scale.adapter_parameters * FLOAT32_BYTES
    packed = NF4_BYTES + 2 * scale.value_bytes if scale.quantization == "nf4" else scale.value_bytes
    return shape.linear_parameters * packed + head + adapter
