"""Whether the training fits the GPU of each type, by the estimate that the host itself decides by."""

from __future__ import annotations

from slm_core.sizing.choice import Choice, Question, choose, value_bytes_of
from slm_core.sizing.gpu import gpu_of
from slm_core.sizing.shape import known_shape

from fine_tune_slm.doctor.context import Context
from fine_tune_slm.doctor.finding import Finding, fail, ok, warn


def look_at_memory_plan(context: Context) -> Finding:
    """Return how the model would be held on the first type's GPU, or on which types nothing fits."""
    choices = {name: _choice(context, name) for name in context.instance_types}
    refused = [name for name, choice in choices.items() if not choice.fits]
    first = context.instance_types[0]
    if not refused:
        return ok(f"{first}: {choices[first].variant.name}")
    remedy = "Lower training.max_tokens_per_batch, or allow larger types; python -m training plan shows the arithmetic."
    told = f"{context.config.base_model.name} does not fit {', '.join(refused)}: {choices[refused[0]].reason}"
    return fail(told, remedy) if len(refused) == len(choices) else warn(told, remedy)


def _choice(context: Context, instance_type: str) -> Choice:
    config = context.config
    question = Question(
        shape=known_shape(config.base_model.repo_id),
        options=config.training,
        evaluation=config.evaluation,
        value_bytes=value_bytes_of(config.training),
    )
    return choose(question, gpu_of(instance_type).memory_bytes)
