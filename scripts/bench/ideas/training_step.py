"""CPU seconds of a forward and backward pass through two decoder layers, idea by idea, in rotation.

`OMP_NUM_THREADS=1 python -m scripts.bench.ideas.training_step` takes a minute. Two layers stand for all: the vocabulary
projection is left out. The first variant is the plain one, ratios are to it, round by round.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from peft.tuners.lora import Linear
from slm_core.training_config import load_training_config
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import rms_norm
from transformers import AttentionInterface

from training.allocator import keep_freed_memory
from training.batching import PlanOptions, plan_steps
from training.collation import pad_right
from training.dataset import TRAIN_FILE, random_sample, read_records
from training.encoding import EncodedRecord, encode_records
from training.lora import InPlaceLoraLinear
from training.models import add_adapter, decoder_and_head, load_model, load_tokenizer
from training.packing import PACKED_ATTENTION, pack, packed_attention, packed_hidden_states

PROJECT = Path(__file__).resolve().parents[3]
MODEL = PROJECT / ".local" / "models" / "SmolLM2-135M-Instruct"
LAYERS, RECORDS, ROUNDS = 2, 6, 6
Variant = tuple[type[Linear], Callable[[Any], None]]


def main() -> int:
    """Measure every variant and print its ratio to the plain one."""
    keep_freed_memory()
    model, records = _two_layers(), _micro_batch()
    variants = _variants(records)
    seconds: dict[str, list[float]] = {name: [] for name in variants}
    for number in range(ROUNDS + 1):
        for name, (layer_class, run) in variants.items():
            _use(model, layer_class)
            started = time.process_time()
            run(decoder_and_head(model)[0])
            if number:  # the first round warms up
                seconds[name].append(time.process_time() - started)
    plain = next(iter(seconds.values()))
    for name, taken in seconds.items():
        ratio = median(one / other for one, other in zip(taken, plain, strict=True))
        print(f"{name:28} {median(taken):7.3f} CPU s  x {ratio:.3f}")
    return 0


def _variants(records: list[EncodedRecord]) -> dict[str, Variant]:
    padded, packed = pad_right(records), pack(records)

    def with_padding(decoder: Any, mask: Any = None) -> None:
        decoder(input_ids=padded["input_ids"], attention_mask=mask, use_cache=False)[0].sum().backward()

    def with_packing(decoder: Any) -> None:
        with packed_attention(decoder):
            packed_hidden_states(decoder, packed).sum().backward()

    def with_math_attention(decoder: Any) -> None:
        flash = AttentionInterface()[PACKED_ATTENTION]
        AttentionInterface.register(PACKED_ATTENTION, sdpa_kernel(SDPBackend.MATH)(flash))
        with_packing(decoder)
        AttentionInterface.register(PACKED_ATTENTION, flash)

    def with_torch_norm(decoder: Any) -> None:
        norm = type(decoder.norm)
        usual = norm.forward
        norm.forward = lambda self, x: rms_norm(x, x.shape[-1:], self.weight, self.variance_epsilon)
        with_packing(decoder)
        norm.forward = usual

    return {
        "padded, mask": (Linear, lambda decoder: with_padding(decoder, padded["attention_mask"])),
        "padded, no mask": (Linear, with_padding),
        "padded, LoRA in place": (InPlaceLoraLinear, with_padding),
        "packed": (Linear, with_packing),
        "packed, LoRA in place (kept)": (InPlaceLoraLinear, with_packing),
        "kept + attention by matmul": (InPlaceLoraLinear, with_math_attention),
        "kept + torch's rms_norm": (InPlaceLoraLinear, with_torch_norm),
    }


def _two_layers() -> Any:
    model: Any = load_model(MODEL, torch.float32)
    model.model.layers = model.model.layers[:LAYERS]
    model.config.num_hidden_layers = LAYERS
    return add_adapter(model, load_training_config(PROJECT / "config" / "training_config.local.yml").training).train()


def _micro_batch() -> list[EncodedRecord]:
    """Return the records of one micro-batch as training cuts it."""
    records = random_sample(read_records(PROJECT / "synthetic-instruction-tuning-dataset" / TRAIN_FILE), 64, 1)
    encoded = encode_records(load_tokenizer(MODEL), records)
    steps = plan_steps([len(record) for record in encoded], PlanOptions(16, 1500, 1, 1))
    return next([encoded[index] for index in cut] for step in steps for cut in step if len(cut) == RECORDS)


def _use(model: Any, layer_class: type[Linear]) -> None:
    for module in model.modules():
        if isinstance(module, Linear):
            module.__class__ = layer_class


if __name__ == "__main__":
    sys.exit(main())
