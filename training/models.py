"""Loads the base model and puts a LoRA adapter on it: which device, which precision, which modules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import torch
from loguru import logger
from peft import LoraConfig, PeftModel, TaskType, get_peft_model
from safetensors import SafetensorError
from slm_core.errors import BaseModelCorruptError, GpuMissingError
from slm_core.training_config import Hyperparameters
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerFast

from training.lora import InPlaceLoraLinear

CausalModel: TypeAlias = PreTrainedModel | PeftModel


def training_device() -> torch.device:
    """Return the GPU if there is one, else the CPU."""
    return torch.device("cuda", torch.cuda.current_device()) if torch.cuda.is_available() else torch.device("cpu")


def training_dtype(options: Hyperparameters) -> torch.dtype:
    """Return the precision of weights and activations.

    Raises: GpuMissingError for what would crawl on the CPU: bfloat16 (a sixteenth of fp32's speed), and 4-bit weights
    unless float32 is asked for by name, which unpacks them at fp32's speed.
    """
    has_gpu = torch.cuda.is_available()
    is_packed = options.quantization == "nf4" and options.dtype != "float32"
    if not has_gpu and (is_packed or options.dtype == "bfloat16"):
        raise GpuMissingError("The configuration asks for bfloat16, or 4-bit weights for a GPU, and no GPU is visible")
    if options.dtype == "float32" or not has_gpu or not torch.cuda.is_bf16_supported():
        return torch.float32
    return torch.bfloat16


def load_tokenizer(directory: Path) -> PreTrainedTokenizerFast:
    """Return the tokenizer of a model directory.

    Raises: BaseModelCorruptError.
    """
    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(directory, local_files_only=True)  # nosec B615
    except (OSError, ValueError, KeyError) as error:
        raise BaseModelCorruptError(f"The tokenizer cannot be read ({type(error).__name__})") from error
    if tokenizer.chat_template is None:
        raise BaseModelCorruptError("The tokenizer has no chat template")
    return tokenizer


def load_model(directory: Path, dtype: torch.dtype, quantization: str = "none") -> PreTrainedModel:
    """Return the model of a directory on the training device, in evaluation mode.

    Raises: BaseModelCorruptError.
    """
    logger.info(
        "loading the base model as {} on {}", quantization if quantization != "none" else dtype, training_device()
    )
    try:
        model: Any = AutoModelForCausalLM.from_pretrained(  # nosec B615
            directory,
            dtype=dtype,
            attn_implementation="sdpa",
            local_files_only=True,
            quantization_config=_nf4(dtype) if quantization == "nf4" else None,
            device_map={"": training_device()} if quantization == "nf4" else None,
        )
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise BaseModelCorruptError(f"The base model cannot be loaded ({type(error).__name__})") from error
    if quantization == "nf4":
        _keep_layout(model)
        return model.eval()
    return model.to(training_device()).eval()


def add_adapter(model: PreTrainedModel, options: Hyperparameters) -> PeftModel:
    """Return the model with a fresh LoRA adapter; the base weights are frozen, the adapter is fp32."""
    # A is drawn at random: the same seed gives the same adapter whatever was drawn before
    torch.manual_seed(options.seed)
    config = lora_config(options)
    if not _is_quantized(model):
        config._register_custom_module({torch.nn.Linear: InPlaceLoraLinear})
    return get_peft_model(model, config)


def lora_config(options: Hyperparameters) -> LoraConfig:
    """Return the adapter's shape as PEFT wants it."""
    modules = options.target_modules
    return LoraConfig(
        task_type=TaskType.CAUSAL_LM,
        r=options.lora_rank,
        lora_alpha=options.lora_alpha,  # type: ignore[arg-type]
        lora_dropout=options.lora_dropout,
        target_modules=modules if isinstance(modules, str) else list(modules),
        bias="none",
    )


def load_adapter(model: PreTrainedModel, directory: Path) -> PeftModel:
    """Return the model with a saved adapter, for use, not for training."""
    return PeftModel.from_pretrained(model, directory).eval()


@contextmanager
def merged_adapter(model: CausalModel) -> Iterator[None]:
    """Fold the adapter into fp32 weights for the block's time: two small products fewer in every layer.

    In bfloat16 or 4 bits folding would round the adapter away, so nothing happens there.
    """
    layers: Any = model.base_model if isinstance(model, PeftModel) else None
    is_foldable = layers is not None and model.dtype == torch.float32 and not _is_quantized(layers.model)
    if is_foldable:
        layers.merge_adapter()
    try:
        yield
    finally:
        if is_foldable:
            layers.unmerge_adapter()


def without_adapter(model: PeftModel) -> CausalModel:
    """Return the model with the adapter folded in for good where that is exact enough: in fp32."""
    layers: Any = model.base_model
    return layers.merge_and_unload() if model.dtype == torch.float32 and not _is_quantized(layers) else model


def decoder_and_head(model: CausalModel) -> tuple[torch.nn.Module, torch.nn.Module]:
    """Return the part that makes hidden states and the vocabulary projection, adapters included."""
    causal: Any = model.get_base_model() if isinstance(model, PeftModel) else model
    return causal.get_decoder(), causal.get_output_embeddings()


def count_trainable(model: CausalModel) -> int:
    """Return the number of parameters that training changes."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def trainable_size_bytes(model: CausalModel) -> int:
    """Return the size of the parameters that training changes."""
    return sum(
        parameter.numel() * parameter.element_size() for parameter in model.parameters() if parameter.requires_grad
    )


def _is_quantized(model: Any) -> bool:
    return getattr(model, "quantization_method", None) is not None


def _keep_layout(model: torch.nn.Module) -> None:
    """Let 4-bit weights stay as they are packed.

    On a CPU with AVX512-BF16 bitsandbytes would repack them at the first evaluation, for a product that rounds to
    bfloat16 and has no gradient: the training after it would be wrong without an error.
    """
    from bitsandbytes.nn import Linear4bit

    for module in model.modules():
        if isinstance(module, Linear4bit):
            module.support_avx512bf16_for_cpu = False


def _nf4(compute_dtype: torch.dtype) -> object:
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=compute_dtype,
    )
