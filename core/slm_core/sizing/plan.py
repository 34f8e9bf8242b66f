"""The plan of a run on a named GPU: memory, time and money, as data and as text."""

from __future__ import annotations

from pydantic import Field

from slm_core.errors import ConfigInvalidError
from slm_core.prices import PriceTable
from slm_core.sizing.choice import Choice, Question, Variant, choose, largest_token_budget, value_bytes_of, variants
from slm_core.sizing.duration import SHARE_SOURCE, Duration, Range, TokenCounts, Work, estimate_duration
from slm_core.sizing.gpu import GIB, Gpu
from slm_core.sizing.memory import MARGIN, Item
from slm_core.sizing.shape import ModelShape
from slm_core.training_config import Frozen, TrainingConfig

# counted on this project's dataset with SmolLM2's tokenizer (Llama 3.1's larger vocabulary needs fewer):
# python -m training plan --config FILE --model SMOLLM2_DIR --dataset synthetic-instruction-tuning-dataset
ASSUMED_COUNTS = TokenCounts(
    train_records=4500, validation_records=500, mean_tokens=281, p99_tokens=575, longest_tokens=686,
    mean_answer_tokens=71, longest_answer_tokens=145,
    source="assumed: as counted on this project's dataset with SmolLM2's tokenizer; --model and --dataset count yours",
)  # fmt: skip


class PlanRequest(Frozen):
    """What a plan is made for."""

    config: TrainingConfig
    shape: ModelShape
    gpu: Gpu
    gpus: int = Field(default=1, ge=1)
    counts: TokenCounts = ASSUMED_COUNTS


class VariantPlan(Frozen):
    """One way to hold the model: what it needs, how long it takes, what it costs."""

    variant: Variant
    fits: bool
    largest_token_budget: int
    duration: Duration
    cost_usd: Range | None


class Plan(Frozen):
    """All that is said before a run starts."""

    request: PlanRequest
    choice: Choice
    variants: tuple[VariantPlan, ...]
    instance_type: str
    instance_gpus: int
    usd_per_hour: float | None
    prices_as_of: str
    share_source: str = SHARE_SOURCE

    @property
    def chosen(self) -> VariantPlan:
        """The way that the run will go."""
        return next(plan for plan in self.variants if plan.variant == self.choice.variant)


def make_plan(request: PlanRequest, prices: PriceTable) -> Plan:
    """Return the plan.

    Raises: ConfigInvalidError when no instance has so many GPUs.
    """
    config, gpu = request.config, request.gpu
    instance_gpus, instance_type = gpu.instance_type(request.gpus)
    # by max_seq_length, as on the host, not by the longest record known here: plan and run must choose the same
    question = Question(
        shape=request.shape,
        options=config.training,
        evaluation=config.evaluation,
        value_bytes=value_bytes_of(config.training),
    )
    price = _price(prices, instance_type)
    return Plan(
        request=request,
        choice=choose(question, gpu.memory_bytes),
        variants=tuple(_variant_plan(request, question, variant, price) for variant in variants(question)),
        instance_type=instance_type,
        instance_gpus=instance_gpus,
        usd_per_hour=price,
        prices_as_of=f"{prices.as_of}, {prices.region}",
    )


def _variant_plan(request: PlanRequest, question: Question, variant: Variant, price: float | None) -> VariantPlan:
    evaluation = request.config.evaluation
    counts = request.counts.model_copy(
        update={
            "validation_records": min(
                evaluation.samples or request.counts.validation_records, request.counts.validation_records
            )
        }
    )
    scale = question.scale(variant.quantization)
    work = Work(scale, counts, request.gpu, request.gpus, variant.is_recomputing)
    evaluations = 2 if evaluation.before_tuning else 1
    duration = estimate_duration(work, evaluation.batch_size, evaluation.max_new_tokens, evaluations)
    hours = duration.hours
    return VariantPlan(
        variant=variant,
        fits=variant.memory.fits(request.gpu.memory_bytes),
        largest_token_budget=largest_token_budget(question, variant, request.gpu.memory_bytes),
        duration=duration,
        cost_usd=None if price is None else Range(low=hours.low * price, high=hours.high * price),
    )


def _price(prices: PriceTable, instance_type: str) -> float | None:
    try:
        return prices.price(instance_type)
    except ConfigInvalidError:  # the plan says so and goes on: memory and time do not depend on it
        return None


def as_text(plan: Plan) -> str:
    """Return the plan for a reader who wants to redo it."""
    return "\n".join((*_heading(plan), "", *_memory(plan), "", *_time(plan), "", *_comparison(plan)))


def _heading(plan: Plan) -> list[str]:
    request, counts = plan.request, plan.request.counts
    gpu, options = request.gpu, request.config.training
    refused = counts.longest_tokens > options.max_seq_length
    return [
        f"{request.config.base_model.name} on {request.gpus} x {gpu.name} ({gpu.memory_gib:g} GiB each),"
        f" {plan.instance_type} with {plan.instance_gpus} GPU{'s' if plan.instance_gpus > 1 else ''}",
        f"choice: {plan.choice.reason}",
        f"records: {counts.train_records:,} for training, {counts.validation_records:,} for validation;"
        f" tokens a record: mean {counts.mean_tokens:.0f}, p99 {counts.p99_tokens}, longest {counts.longest_tokens};"
        f" answer: mean {counts.mean_answer_tokens:.0f}, longest {counts.longest_answer_tokens} ({counts.source})",
        f"micro-batch: at most {options.max_tokens_per_batch:,} tokens and {options.batch_size} records of at most"
        f" {options.max_seq_length:,} tokens",
        *(["the longest record is longer than max_seq_length: in training it would be refused"] if refused else []),
    ]


def _memory(plan: Plan) -> list[str]:
    memory, limit = plan.choice.variant.memory, plan.request.gpu.memory_bytes
    verdict = "fits" if plan.choice.fits else "DOES NOT FIT"
    return [
        "memory of one GPU while training",
        *_items(memory.training, memory.training_bytes),
        "memory of one GPU while evaluating",
        *_items(memory.evaluation, memory.evaluation_bytes),
        f"{verdict}: the larger, {max(memory.training_bytes, memory.evaluation_bytes) / GIB:.2f} GiB, against"
        f" {limit / GIB:.2f} GiB less {MARGIN:.0%} for fragmentation = {limit * (1 - MARGIN) / GIB:.2f} GiB",
    ]


def _items(items: tuple[Item, ...], total_bytes: int) -> list[str]:
    lines = [f"  {item.size_bytes / GIB:>8.3f} GiB  {item.name}: {item.arithmetic}" for item in items]
    return [*lines, f"  {total_bytes / GIB:>8.3f} GiB  in all"]


def _time(plan: Plan) -> list[str]:
    chosen = plan.chosen
    duration, hours = chosen.duration, chosen.duration.hours
    return [
        f"time, with shares of the peak that are {plan.share_source}",
        *(f"  {line}" for line in duration.arithmetic),
        f"  training {_range(duration.training_seconds, ',.0f')} s,"
        f" {_range(duration.tokens_per_second, ',.0f')} tokens/s;"
        f" evaluation {_range(duration.evaluation_seconds, ',.0f')} s",
        f"  {_range(hours, '.2f')} hours, without boot, image, model download and padding",
        f"  {_cost(plan, chosen)}",
    ]


def _cost(plan: Plan, variant: VariantPlan) -> str:
    if variant.cost_usd is None or plan.usd_per_hour is None:
        return f"no dollars: no price of {plan.instance_type} is known; add it to usd_per_hour in config/prices.yml"
    return (
        f"{_range(variant.duration.hours, '.2f')} hours x ${plan.usd_per_hour:g} an hour ({plan.instance_type},"
        f" prices as of {plan.prices_as_of}) = ${_range(variant.cost_usd, '.2f')}"
    )


def _comparison(plan: Plan) -> list[str]:
    lines = [f"{'':<44}{'training':>10}{'evaluation':>12}{'fits':>6}{'token budget':>14}{'hours':>16}{'USD':>16}"]
    for item in plan.variants:
        memory = item.variant.memory
        lines.append(
            f"{'* ' if item.variant == plan.choice.variant else '  '}{item.variant.name:<42}"
            f"{memory.training_bytes / GIB:>6.1f} GiB{memory.evaluation_bytes / GIB:>8.1f} GiB"
            f"{'yes' if item.fits else 'no':>6}{item.largest_token_budget:>14,}{_range(item.duration.hours, '.2f'):>16}"
            f"{_range(item.cost_usd, '.2f') if item.cost_usd else '?':>16}"
        )
    return [*lines, "* chosen; token budget: the largest max_tokens_per_batch that fits"]


def _range(value: Range, pattern: str) -> str:
    return f"{value.low:{pattern}} to {value.high:{pattern}}"
