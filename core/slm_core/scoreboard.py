"""The numbers of a run as its model card and its report print them: one place, so that the two never differ.

Pure: it must not import boto3. Rounding happens here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from slm_core.records import Difference, Evaluation, Gain, Interval, Metrics, RunSpec, TrainingSummary

if TYPE_CHECKING:
    from slm_core.decisions import RequiredScore

UNKNOWN = "not measured"
MACRO = "macro mean"


class FieldRow(NamedTuple):
    """F1 of one field, or the mean over fields."""

    name: str
    before: str
    before_interval: str
    after: str
    after_interval: str
    gain: str
    gain_interval: str
    precision: str
    recall: str


class MeasureRow(NamedTuple):
    """A measure of whole records or answers."""

    name: str
    before: str
    after: str
    after_interval: str
    gain: str
    gain_interval: str


class GateRow(NamedTuple):
    """A bound of the gate."""

    name: str
    reached: str
    bound: str
    is_met: bool

    @property
    def verdict(self) -> str:
        """Return the verdict in a word; it stands out where a bound was missed."""
        return "met" if self.is_met else "MISSED"


def score(value: float | None) -> str:
    """Return a score or a loss with three decimals."""
    return UNKNOWN if value is None else f"{value:.3f}"


def share(value: float | None) -> str:
    """Return a share as a percentage."""
    return UNKNOWN if value is None else f"{value * 100:.1f} %"


def interval(ends: Interval | None) -> str:
    """Return a 95 % interval of a score."""
    return UNKNOWN if ends is None else f"{ends.low:.3f} to {ends.high:.3f}"


def difference(value: Difference | None) -> str:
    """Return a difference of scores with its sign."""
    return UNKNOWN if value is None else f"{value.difference:+.3f}"


def difference_interval(value: Difference | None) -> str:
    """Return the paired 95 % interval of a difference."""
    return UNKNOWN if value is None else f"{value.interval.low:+.3f} to {value.interval.high:+.3f}"


def field_rows(metrics: Metrics) -> tuple[FieldRow, ...]:
    """Return a row for each field, and the mean over them last."""
    before, after, gain = metrics.before, metrics.after, metrics.gain
    return (*(_field_row(name, before, after, gain) for name in after.fields), _macro_row(before, after, gain))


def measure_rows(metrics: Metrics) -> tuple[MeasureRow, ...]:
    """Return what is measured of whole records and answers."""
    before, after, training = metrics.before, metrics.after, metrics.training
    return (
        MeasureRow(
            "records with all seven fields right",
            share(before.record_exact if before else None),
            share(after.record_exact),
            _share_interval(after.record_exact_interval),
            *_points(metrics.gain.record_exact if metrics.gain else None),
        ),
        _plain("answers that are valid JSON with exactly the seven keys", _shares(before, after, "json_valid")),
        _plain("answers that the model ended by itself", _shares(before, after, "ended_by_itself")),
        _plain("answered items without support in the note", _shares(before, after, "ungrounded_rate")),
        _plain(
            "loss on held-out answers (nats per token)",
            (score(training.held_out_loss_before), score(training.held_out_loss_after)),
        ),
    )


def gate_rows(scores: Iterable[RequiredScore]) -> tuple[GateRow, ...]:
    """Return the gate's bounds beside what was reached, the missed ones first."""
    ordered = sorted(scores, key=lambda required: required.is_met)
    return tuple(
        GateRow(
            required.name,
            f"{required.reached:.3f}",
            f"{'at least' if required.is_minimum else 'at most'} {required.bound:.3f}",
            required.is_met,
        )
        for required in ordered
    )


def training_rows(spec: RunSpec, training: TrainingSummary) -> tuple[tuple[str, str], ...]:
    """Return how the adapter was trained, as (name, value)."""
    options = spec.config.training
    modules = options.target_modules
    where = "all linear layers" if modules == "all-linear" else str(modules)
    return (
        ("base model", f"{spec.base_model.repo_id} at {spec.base_model.revision}"),
        (
            "training records",
            f"{training.samples_seen:,} seen in {training.steps:,} steps of {options.batch_size}, "
            f"{training.tokens_seen:,} tokens, {share(training.padding_share)} padding",
        ),
        (
            "adapter",
            f"LoRA, rank {options.lora_rank}, alpha {options.lora_alpha:g}, on {where}; "
            f"{training.trainable_parameters:,} parameters",
        ),
        (
            "optimiser",
            f"AdamW, learning rate {options.learning_rate:g}, beta2 {options.adam_beta2:g}, "
            f"decay over the last {options.decay_fraction:.0%} of the steps",
        ),
        ("precision", _precision(options.dtype, training.quantization or options.quantization)),
        ("loss", f"on the answer alone, first {score(training.first_loss)}, last {score(training.last_loss)}"),
        ("time", f"{training.seconds / 60:.1f} minutes on {training.device}"),
        ("peak memory", f"{training.peak_memory_bytes / 1e9:.1f} GB"),
        ("seed", str(options.seed)),
    )


def measured_how(evaluation: Evaluation) -> str:
    """Return how the answers were written, and to how many notes."""
    decoding = "held to valid JSON by a grammar" if evaluation.is_constrained else "unconstrained"
    return f"Greedy decoding, {decoding}, on {evaluation.samples:,} notes that were held out of training."


def _field_row(name: str, before: Evaluation | None, after: Evaluation, gain: Gain | None) -> FieldRow:
    earlier, now = before.fields.get(name) if before else None, after.fields[name]
    return FieldRow(
        name,
        *_cells(earlier.f1 if earlier else None, earlier.f1_interval if earlier else None),
        *_cells(now.f1, now.f1_interval),
        *_gain_cells(gain.fields.get(name) if gain else None),
        score(now.precision),
        score(now.recall),
    )


def _macro_row(before: Evaluation | None, after: Evaluation, gain: Gain | None) -> FieldRow:
    return FieldRow(
        MACRO,
        *_cells(before.macro_f1 if before else None, before.macro_f1_interval if before else None),
        *_cells(after.macro_f1, after.macro_f1_interval),
        *_gain_cells(gain.macro_f1 if gain else None),
        precision="",
        recall="",
    )


def _cells(value: float | None, ends: Interval | None) -> tuple[str, str]:
    return score(value), interval(ends)


def _gain_cells(gain: Difference | None) -> tuple[str, str]:
    return difference(gain), difference_interval(gain)


def _plain(name: str, values: tuple[str, str]) -> MeasureRow:
    return MeasureRow(name, *values, "", "", "")


def _shares(before: Evaluation | None, after: Evaluation, name: str) -> tuple[str, str]:
    earlier: Mapping[str, float | None] = before.model_dump(include={name}) if before else {}
    now: Mapping[str, float | None] = after.model_dump(include={name})
    return share(earlier.get(name)), share(now[name])


def _share_interval(ends: Interval | None) -> str:
    return UNKNOWN if ends is None else f"{ends.low * 100:.1f} to {ends.high * 100:.1f} %"


def _points(value: Difference | None) -> tuple[str, str]:
    if value is None:
        return UNKNOWN, UNKNOWN
    ends = value.interval
    return f"{value.difference * 100:+.1f} points", f"{ends.low * 100:+.1f} to {ends.high * 100:+.1f}"


def _precision(dtype: str, quantization: str) -> str:
    return dtype if quantization == "none" else f"{quantization} weights, {dtype}"
