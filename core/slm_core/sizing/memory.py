"""The memory of a training, item by item, each with its arithmetic.

What the backward pass keeps of a layer was listed with torch's own accounting and is held against it by a test
(tests/rehearsal/test_training_memory.py): change the compute path and that test says by how much this page is off.

Units: bytes unless a name says otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

from slm_core.sizing.gpu import GIB
from slm_core.sizing.shape import ModelShape
from slm_core.training_config import EvaluationConfig, Frozen, Hyperparameters

# 4 bits, one byte of scale for 64 weights, and 4 bytes of scale of the scales for 256 of these (double quantisation)
NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)
FLOAT32_BYTES = 4
BFLOAT16_BYTES = 2
# loss.py cuts the answer's rows so that no more logits than these are held at once
LOGIT_ROWS_PER_CHUNK = 1024
# CUDA's context, kernels and cuBLAS's workspace: an assumption, not measured here
CONTEXT_BYTES = int(0.8 * GIB)
# left free for fragmentation and what the arithmetic does not see
MARGIN = 0.10


class Item(Frozen):
    """One thing that takes memory."""

    name: str
    arithmetic: str
    size_bytes: int


class MemoryEstimate(Frozen):
    """What a GPU must hold at its worst moment, training and evaluation apart."""

    training: tuple[Item, ...]
    evaluation: tuple[Item, ...]

    @property
    def training_bytes(self) -> int:
        """Sum of the training's items."""
        return sum(item.size_bytes for item in self.training)

    @property
    def evaluation_bytes(self) -> int:
        """Sum of the evaluation's items."""
        return sum(item.size_bytes for item in self.evaluation)

    def fits(self, memory_bytes: int) -> bool:
        """Say whether both leave the margin free."""
        return max(self.training_bytes, self.evaluation_bytes) <= memory_bytes * (1 - MARGIN)


@dataclass(frozen=True)
class Load:
    """One micro-batch at its largest, and how its layers are computed."""

    tokens: int
    longest_tokens: int
    answer_rows: int
    value_bytes: int
    """2 for bfloat16, 4 for float32."""
    is_recomputing: bool


@dataclass(frozen=True)
class Scale:
    """What is trained, and in which precision."""

    shape: ModelShape
    options: Hyperparameters
    quantization: str
    value_bytes: int

    @property
    def adapter_parameters(self) -> int:
        """Weights that training changes."""
        return self.shape.adapter_parameters(self.options.lora_rank, self.options.target_modules)


def load_of(options: Hyperparameters, value_bytes: int, *, is_recomputing: bool) -> Load:
    """Return the largest micro-batch that the configuration allows; the whole of it may be answer."""
    longest = min(options.max_seq_length, options.max_tokens_per_batch)
    tokens = min(options.max_tokens_per_batch, options.batch_size * longest)
    return Load(tokens, longest, min(tokens, LOGIT_ROWS_PER_CHUNK), value_bytes, is_recomputing)


def training_items(scale: Scale, load: Load) -> tuple[Item, ...]:
    """Return what one GPU holds at the worst moment of a step.

    Among several the gradients are summed in a copy, but only when the activations are gone.
    """
    adapter = scale.adapter_parameters
    items = [
        weights_item(scale),
        _adapter_item(scale),
        _item("gradients", f"{adapter:,} x 4 B", adapter * FLOAT32_BYTES),
        _item("optimizer", f"{adapter:,} x 2 moments x 4 B (AdamW)", adapter * 2 * FLOAT32_BYTES),
        activations_item(scale, load),
    ]
    if scale.quantization == "nf4":
        items.append(_unpacked_item(scale))
    return (*items, _context_item())


def evaluation_items(scale: Scale, options: EvaluationConfig, longest_tokens: int) -> tuple[Item, ...]:
    """Return what one GPU holds while a full batch of answers is written."""
    shape, value_bytes = scale.shape, scale.value_bytes
    positions = longest_tokens + options.max_new_tokens
    per_position = 2 * shape.num_hidden_layers * shape.key_value_size * value_bytes
    prompt = options.batch_size * longest_tokens
    items = [
        weights_item(scale),
        _adapter_item(scale),
        _item(
            "key-value cache",
            f"{options.batch_size} notes x ({longest_tokens:,} + {options.max_new_tokens:,}) tokens x 2 x"
            f" {shape.num_hidden_layers} layers x {shape.key_value_size:,} x {value_bytes} B",
            options.batch_size * positions * per_position,
        ),
        _item(
            "reading the prompts",
            f"{prompt:,} tokens x 3 x {shape.intermediate_size:,} x {value_bytes} B (one layer's MLP)",
            prompt * 3 * shape.intermediate_size * value_bytes,
        ),
    ]
    return (*items, *([_unpacked_item(scale)] if scale.quantization == "nf4" else []), _context_item())


def weights_item(scale: Scale) -> Item:
    """Return the base model's weights."""
    shape, value_bytes = scale.shape, scale.value_bytes
    packed, others = shape.linear_parameters, shape.other_parameters
    if scale.quantization == "nf4":
        return _item(
            "weights",
            f"{packed:,} in the layers' matrices x {NF4_BYTES:.4f} B (NF4, double quantisation)"
            f" + {others:,} others x {value_bytes} B",
            packed * NF4_BYTES + others * value_bytes,
        )
    total = packed + others
    return _item("weights", f"{total:,} parameters x {value_bytes} B", total * value_bytes)


def activations_item(scale: Scale, load: Load) -> Item:
    """Return what the backward pass needs at its worst moment.

    Without recomputation every layer's tensors are kept, and either the logits of a chunk or the newest gradients of an
    MLP come on top; with it only each layer's input is, and one layer's tensors come on top.
    """
    shape, tokens, layers = scale.shape, load.tokens, scale.shape.num_hidden_layers
    per_token = layer_bytes_per_token(scale, load.value_bytes)
    working = 2 * shape.intermediate_size * load.value_bytes
    # the log-probabilities and their gradient in float32, and the gradient once more in a narrower type
    logit_bytes = 2 * FLOAT32_BYTES + (load.value_bytes if load.value_bytes != FLOAT32_BYTES else 0)
    logits = load.answer_rows * shape.vocab_size * logit_bytes
    logits_said = f"logits {load.answer_rows:,} rows x {shape.vocab_size:,} x {logit_bytes} B"
    working_said = f"{tokens:,} x 2 x {shape.intermediate_size:,} x {load.value_bytes} B"
    if load.is_recomputing:
        inputs = tokens * layers * shape.hidden_size * load.value_bytes
        return _item(
            "activations",
            f"{tokens:,} tokens x {layers} layers x {shape.hidden_size:,} x {load.value_bytes} B (inputs of the layers)"
            f" + the larger of one layer, {tokens:,} x {per_token:,} B + {working_said}, and {logits_said}",
            inputs + max(tokens * (per_token + working), logits),
        )
    return _item(
        "activations",
        f"{tokens:,} tokens x {layers} layers x {per_token:,} B + the larger of {working_said} and {logits_said}",
        tokens * layers * per_token + max(tokens * working, logits),
    )


def layer_bytes_per_token(scale: Scale, value_bytes: int) -> int:
    """Return what a layer keeps of one token for the backward pass.

    * the inputs of the two norms, in float32: 2 x hidden x 4
    * the attention's queries and output, 2 x heads x width, keys and values, 2 x key heads x width, and its
      log-sum-exp, a float32 for each head
    * gate, its SiLU, and up: 3 x intermediate
    * the inputs and the rank-wide outputs of the adapter's matrices
    """
    shape = scale.shape
    norms = 2 * shape.hidden_size * FLOAT32_BYTES
    mlp = 3 * shape.intermediate_size * value_bytes
    return norms + attention_bytes_per_token(shape, value_bytes) + mlp + _adapter_bytes_per_token(scale, value_bytes)


def attention_bytes_per_token(shape: ModelShape, value_bytes: int) -> int:
    """Return the attention's part: it alone is laid out by records, so that shared beginnings and padding count."""
    widths = 2 * shape.attention_size + 2 * shape.key_value_size
    return widths * value_bytes + shape.num_attention_heads * FLOAT32_BYTES


def _adapter_bytes_per_token(scale: Scale, value_bytes: int) -> int:
    """Return what the adapter's matrices of a layer keep of one token; those that read the same tensor keep it once."""
    modules = scale.shape.adapted_modules(scale.options.target_modules)
    widths = {name: scale.shape.linear_modules[name][0] for name in modules}
    ranks = len(modules) * scale.options.lora_rank * value_bytes
    if scale.options.lora_dropout > 0:  # each its own: the input with holes, and the mask of one byte that made them
        return ranks + sum(widths.values()) * (value_bytes + 1)
    reads = {"q_proj": "attention", "k_proj": "attention", "v_proj": "attention", "gate_proj": "mlp", "up_proj": "mlp"}
    shared = {reads.get(name, name): width for name, width in widths.items()}
    return ranks + sum(shared.values()) * value_bytes


def _adapter_item(scale: Scale) -> Item:
    adapter = scale.adapter_parameters
    if scale.value_bytes == FLOAT32_BYTES:
        return _item("adapter", f"{adapter:,} parameters x 4 B (float32)", adapter * FLOAT32_BYTES)
    each = FLOAT32_BYTES + scale.value_bytes
    said = f"{adapter:,} parameters x ({FLOAT32_BYTES} B in float32 + {scale.value_bytes} B for autocast's copy)"
    return _item("adapter", said, adapter * each)


def _unpacked_item(scale: Scale) -> Item:
    shape, value_bytes = scale.shape, scale.value_bytes
    return _item(
        "unpacked matrix",
        f"{shape.hidden_size:,} x {shape.intermediate_size:,} x {value_bytes} B (NF4 weights of one product at a time)",
        shape.hidden_size * shape.intermediate_size * value_bytes,
    )


def _context_item() -> Item:
    return _item("CUDA context", "assumed: context, kernels, workspaces", CONTEXT_BYTES)


def _item(name: str, arithmetic: str, size_bytes: float) -> Item:
    return Item(name=name, arithmetic=arithmetic, size_bytes=round(size_bytes))
