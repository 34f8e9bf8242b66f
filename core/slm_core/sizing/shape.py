"""The shape of a Llama: what all memory and work follow from."""

from __future__ import annotations

import json
import re
from pathlib import Path

from pydantic import Field, ValidationError

from slm_core.errors import ConfigInvalidError
from slm_core.training_config import Frozen, problems

ALL_LINEAR = "all-linear"
ATTENTION_MODULES = ("q_proj", "k_proj", "v_proj", "o_proj")


class ModelShape(Frozen):
    """The numbers of a Llama's config.json that decide its size."""

    hidden_size: int = Field(ge=1)
    num_hidden_layers: int = Field(ge=1)
    num_attention_heads: int = Field(ge=1)
    num_key_value_heads: int = Field(ge=1)
    head_dim: int = Field(ge=1)
    intermediate_size: int = Field(ge=1)
    vocab_size: int = Field(ge=1)
    tie_word_embeddings: bool

    @property
    def attention_size(self) -> int:
        """Width of all heads together."""
        return self.num_attention_heads * self.head_dim

    @property
    def key_value_size(self) -> int:
        """Width of all key (or value) heads together."""
        return self.num_key_value_heads * self.head_dim

    @property
    def linear_modules(self) -> dict[str, tuple[int, int]]:
        """Input and output width of a layer's matrices by name."""
        hidden, inner = self.hidden_size, self.intermediate_size
        return {
            "q_proj": (hidden, self.attention_size),
            "k_proj": (hidden, self.key_value_size),
            "v_proj": (hidden, self.key_value_size),
            "o_proj": (self.attention_size, hidden),
            "gate_proj": (hidden, inner),
            "up_proj": (hidden, inner),
            "down_proj": (inner, hidden),
        }

    @property
    def linear_parameters(self) -> int:
        """Weights of all layers' matrices: what NF4 packs and what every token is multiplied with."""
        return self.num_hidden_layers * sum(rows * columns for rows, columns in self.linear_modules.values())

    @property
    def other_parameters(self) -> int:
        """Embedding, vocabulary projection (unless tied) and norms."""
        vocabularies = 1 if self.tie_word_embeddings else 2
        norms = 2 * self.num_hidden_layers + 1
        return (vocabularies * self.vocab_size + norms) * self.hidden_size

    def adapted_modules(self, target_modules: str | tuple[str, ...]) -> dict[str, int]:
        """Return how many layers' matrices of each name PEFT's target_modules choose.

        Raises: ConfigInvalidError when they choose none.
        """
        found = {
            name: sum(_is_chosen(path, target_modules) for path in self._paths(name)) for name in self.linear_modules
        }
        chosen = {name: layers for name, layers in found.items() if layers}
        if not chosen:
            raise ConfigInvalidError("training.target_modules names no linear layer of the model")
        return chosen

    def adapter_parameters(self, rank: int, target_modules: str | tuple[str, ...]) -> int:
        """Return the weights of a LoRA adapter: rank x (inputs + outputs) for each chosen matrix."""
        return sum(
            layers * rank * sum(self.linear_modules[name])
            for name, layers in self.adapted_modules(target_modules).items()
        )

    def _paths(self, name: str) -> list[str]:
        block = "self_attn" if name in ATTENTION_MODULES else "mlp"
        return [f"model.layers.{layer}.{block}.{name}" for layer in range(self.num_hidden_layers)]


# the figures of the models' public config.json
KNOWN_SHAPES = {
    "meta-llama/Llama-3.1-8B-Instruct": ModelShape(
        hidden_size=4096, num_hidden_layers=32, num_attention_heads=32, num_key_value_heads=8, head_dim=128,
        intermediate_size=14336, vocab_size=128256, tie_word_embeddings=False,
    ),
    "HuggingFaceTB/SmolLM2-135M-Instruct": ModelShape(
        hidden_size=576, num_hidden_layers=30, num_attention_heads=9, num_key_value_heads=3, head_dim=64,
        intermediate_size=1536, vocab_size=49152, tie_word_embeddings=True,
    ),
}  # fmt: skip


def known_shape(repo_id: str) -> ModelShape:
    """Return the shape of a base model by its name on the Hub.

    Raises: ConfigInvalidError naming what is known, and the way for what is not.
    """
    if repo_id not in KNOWN_SHAPES:
        known = ", ".join(sorted(KNOWN_SHAPES))
        raise ConfigInvalidError(
            f"The shape of {repo_id} is not in the table (known: {known}); name its directory with --model DIR"
        )
    return KNOWN_SHAPES[repo_id]


def read_shape(model_directory: Path) -> ModelShape:
    """Return the shape that a model directory's config.json states.

    Raises: ConfigInvalidError when there is none, or none of a Llama.
    """
    try:
        content = json.loads((model_directory / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigInvalidError(f"The model directory has no readable config.json ({type(error).__name__})") from error
    if not isinstance(content, dict) or content.get("model_type") != "llama":
        raise ConfigInvalidError("The plan knows models of type llama only, and config.json names another type")
    try:
        return ModelShape.model_validate(_with_defaults(content))
    except ValidationError as error:
        raise ConfigInvalidError(f"config.json is invalid: {problems(error)}") from None


def _with_defaults(content: dict[str, object]) -> dict[str, object]:
    """Return the shape's keys of a config.json; the two that Llama derives when they are absent are filled in."""
    shape = {key: content[key] for key in ModelShape.model_fields if content.get(key) is not None}
    hidden, heads = shape.get("hidden_size"), shape.get("num_attention_heads")
    shape.setdefault("num_key_value_heads", heads)
    shape.setdefault("tie_word_embeddings", False)
    if isinstance(hidden, int) and isinstance(heads, int) and heads:
        shape.setdefault("head_dim", hidden // heads)
    return shape


def _is_chosen(path: str, target_modules: str | tuple[str, ...]) -> bool:
    # as PEFT reads them: a list holds name endings, a single string is a pattern for the whole name
    if target_modules == ALL_LINEAR:
        return True
    if isinstance(target_modules, str):
        return _matches(target_modules, path)
    return any(path == name or path.endswith(f".{name}") for name in target_modules)


def _matches(pattern: str, path: str) -> bool:
    try:
        return re.fullmatch(pattern, path) is not None
    except re.error as error:
        raise ConfigInvalidError("training.target_modules is not a valid pattern") from error
