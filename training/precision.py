"""What `auto` in the configuration means on the machine that is really there, decided by the plan's own arithmetic."""

from __future__ import annotations

from pathlib import Path

import torch
from loguru import logger
from slm_core.sizing.choice import Question, choose, value_bytes_of
from slm_core.sizing.shape import read_shape
from slm_core.training_config import Hyperparameters, TrainingConfig


def settled(config: TrainingConfig, model_directory: Path) -> Hyperparameters:
    """Return the hyperparameters with `quantization` and `gradient_checkpointing` decided; what is stated stays.

    Raises: ConfigInvalidError when a choice is asked for and the model is no Llama.
    """
    options = config.training
    if "auto" not in (options.quantization, options.gradient_checkpointing):
        return options
    if not torch.cuda.is_available():
        logger.info("auto: no GPU, so whole weights and no recomputation wherever the configuration leaves the choice")
        return _with(options, "none", is_recomputing=False)
    question = Question(
        shape=read_shape(model_directory),
        options=options,
        evaluation=config.evaluation,
        value_bytes=value_bytes_of(options, torch.cuda.is_bf16_supported()),
    )
    choice = choose(question, torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory)
    log = logger.info if choice.fits else logger.warning
    log("auto: {}", choice.reason)
    return _with(options, choice.variant.quantization, is_recomputing=choice.variant.is_recomputing)


def _with(options: Hyperparameters, quantization: str, *, is_recomputing: bool) -> Hyperparameters:
    chosen = {"quantization": quantization, "gradient_checkpointing": is_recomputing}
    return options.model_copy(update={key: value for key, value in chosen.items() if getattr(options, key) == "auto"})
