"""`quantization: auto` and `gradient_checkpointing: auto`: the best that fits the GPU with a margin.

In this order: bfloat16 (or float32) weights kept whole, the same with recomputation, 4-bit weights, these with
recomputation. What the configuration states outright is not up for choice.
"""

from __future__ import annotations

from slm_core.sizing.gpu import GIB
from slm_core.sizing.memory import MARGIN, MemoryEstimate, Scale, evaluation_items, load_of, training_items
from slm_core.sizing.shape import ModelShape
from slm_core.training_config import EvaluationConfig, Frozen, Hyperparameters


class Variant(Frozen):
    """One way to hold the model, and what it needs on one GPU."""

    quantization: str
    is_recomputing: bool
    memory: MemoryEstimate

    @property
    def name(self) -> str:
        """How a person calls it."""
        weights = "NF4 QLoRA" if self.quantization == "nf4" else "LoRA, whole weights"
        return f"{weights}, {'with' if self.is_recomputing else 'no'} recomputation"


class Choice(Frozen):
    """What the run will use, and why in one line."""

    variant: Variant
    fits: bool
    reason: str


class Question(Frozen):
    """What a choice depends on."""

    shape: ModelShape
    options: Hyperparameters
    evaluation: EvaluationConfig
    value_bytes: int

    def scale(self, quantization: str) -> Scale:
        """Return what is trained with such weights."""
        return Scale(self.shape, self.options, quantization, self.value_bytes)


def value_bytes_of(options: Hyperparameters, has_bfloat16: bool = True) -> int:
    """Return the bytes of a weight or activation on a GPU."""
    return 4 if options.dtype == "float32" or not has_bfloat16 else 2


def variants(question: Question) -> tuple[Variant, ...]:
    """Return all four ways, the preferred first."""
    return tuple(
        _variant(question, quantization, is_recomputing)
        for quantization in ("none", "nf4")
        for is_recomputing in (False, True)
    )


def choose(question: Question, memory_bytes: int) -> Choice:
    """Return the preferred way that fits; when none does, the most frugal one, and the reason says so."""
    allowed = [variant for variant in variants(question) if _is_allowed(variant, question.options)]
    chosen = next((variant for variant in allowed if variant.memory.fits(memory_bytes)), None)
    variant = chosen or allowed[-1]
    refused = allowed[: allowed.index(variant)]
    needs = [f"{other.name} needs {_gib(other)}" for other in (*refused, variant)]
    bound = f"{memory_bytes / GIB:.1f} GiB less {MARGIN:.0%}"
    reason = f"{variant.name}: {'the first that fits' if chosen else 'nothing fits, this comes closest to'} {bound}"
    return Choice(variant=variant, fits=chosen is not None, reason=f"{reason} ({'; '.join(needs)})")


def largest_token_budget(question: Question, variant: Variant, memory_bytes: int) -> int:
    """Return the largest max_tokens_per_batch with which a variant fits; 0 when not even one shortest record does."""
    low, high = 0, 1 << 20
    while high - low > 1:
        middle = (low + high) // 2
        changes = {"max_tokens_per_batch": middle, "batch_size": 1 << 20}
        wider = question.model_copy(update={"options": question.options.model_copy(update=changes)})
        is_fitting = _variant(wider, variant.quantization, variant.is_recomputing).memory.fits(memory_bytes)
        low, high = (middle, high) if is_fitting else (low, middle)
    return low


def _variant(question: Question, quantization: str, is_recomputing: bool) -> Variant:
    scale = question.scale(quantization)
    load = load_of(question.options, question.value_bytes, is_recomputing=is_recomputing)
    memory = MemoryEstimate(
        training=training_items(scale, load),
        evaluation=evaluation_items(scale, question.evaluation, load.longest_tokens),
    )
    return Variant(quantization=quantization, is_recomputing=is_recomputing, memory=memory)


def _is_allowed(variant: Variant, options: Hyperparameters) -> bool:
    return options.quantization in ("auto", variant.quantization) and (
        options.gradient_checkpointing in ("auto", variant.is_recomputing)
    )


def _gib(variant: Variant) -> str:
    return f"{max(variant.memory.training_bytes, variant.memory.evaluation_bytes) / GIB:.1f} GiB"
