"""The training configuration: config/training_config.yml plus the overrides that an execution input may carry.

Defaults live in the YAML alone; this model says what each value means and which values are refused.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from slm_core.errors import ConfigInvalidError

Share = Annotated[float, Field(ge=0, le=1)]
ReporterName = Annotated[str, Field(pattern=r"^[a-z_]{2,30}$")]
PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")
RUN_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9 _.-]{0,79}$"


class Frozen(BaseModel):
    """A model that refuses unknown keys and never prints its input."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)


class BaseModelConfig(Frozen):
    """Which model is tuned."""

    repo_id: str = Field(pattern=r"^[\w.-]+/[\w.-]+$", description="Repository on the Hub; its revision is a setting.")
    name: str = Field(min_length=1, description="How the model card calls it.")
    licence: str = Field(min_length=1, description="Licence identifier for the model card's metadata.")
    built_with: str | None = Field(description="Attribution line that the licence asks for, if any.")
    name_prefix: str | None = Field(
        pattern=r"^[\w.-]+$", description="What the name of a published model must begin with, if the licence says so."
    )
    licence_notice: str = Field(min_length=1, description="The licence's notice, word for word, for card and NOTICE.")

    @model_validator(mode="after")
    def attribution_is_whole(self) -> BaseModelConfig:
        if (self.built_with is None) != (self.name_prefix is None):
            raise ValueError("built_with and name_prefix go together: both, or both null")
        return self

    def may_be_published_as(self, repo_id: str) -> bool:
        """Return whether the licence allows a model made of this one to bear the repository's name."""
        return repo_id.rpartition("/")[2].startswith(self.name_prefix or "")


class Hyperparameters(Frozen):
    """What an execution input may override under `training`."""

    samples: int | None = Field(ge=1, description="Training records used; null takes all.")
    epochs: float = Field(gt=0, le=100, description="Passes over the training records.")
    learning_rate: float = Field(gt=0, le=1, description="Peak learning rate of AdamW.")
    warmup_fraction: Share = Field(description="Share of the steps with a rising learning rate.")
    decay_fraction: Share = Field(description="Share of the steps, at the end, with a linearly falling learning rate.")
    weight_decay: float = Field(ge=0, le=1, description="AdamW's decay of the adapter's weights.")
    adam_beta2: float = Field(gt=0, lt=1, description="How long AdamW remembers the size of gradients.")
    max_grad_norm: float = Field(gt=0, description="Gradients are clipped to this norm.")
    batch_size: int = Field(ge=1, le=1024, description="Records an optimiser step, accumulation included.")
    max_tokens_per_batch: int = Field(ge=128, description="Token budget of one forward pass, padding included.")
    max_seq_length: int = Field(ge=64, le=131072, description="Tokens; a longer record is an error, never cut.")
    lora_rank: int = Field(ge=1, le=1024, description="Rank of the adapter's matrices: its size.")
    lora_alpha: float = Field(gt=0, description="The adapter's output is scaled by lora_alpha / lora_rank.")
    lora_dropout: Share = Field(description="Share of the adapter's inputs dropped while training.")
    target_modules: str | tuple[str, ...] = Field(description="PEFT's target_modules: all-linear or module names.")
    quantization: Literal["none", "nf4", "auto"] = Field(
        description="nf4 loads the frozen weights in 4 bits; auto: where they would not fit the GPU otherwise."
    )
    dtype: Literal["float32", "bfloat16", "auto"] = Field(description="auto: bfloat16 where a GPU has it.")
    gradient_checkpointing: bool | Literal["auto"] = Field(
        description="Recompute activations to save memory; auto: where they would not fit the GPU otherwise."
    )
    seed: int = Field(ge=0, lt=2**32, description="Seed of order, dropout and initial weights.")
    checkpoint_steps: int = Field(ge=1, description="A checkpoint at least every so many steps.")
    checkpoint_minutes: float = Field(gt=0, le=10, description="A checkpoint at least every so many minutes.")
    keep_checkpoints: int = Field(ge=1, le=50, description="Checkpoints kept on the volume, the newest.")
    keep_checkpoints_days: float = Field(
        default=30,
        ge=1,
        description="Days without a sign of life after which a later run removes a run from the volume.",
    )
    report_to: tuple[ReporterName, ...] = Field(
        description="The Trainer's reporters; tensorboard's files go into the archive, others may use the network."
    )

    @field_validator("report_to", mode="before")
    @classmethod
    def report_to_is_a_list_or_a_name(cls, value: object) -> object:
        names = [value] if isinstance(value, str) else value
        return [] if names == ["none"] else names

    @field_validator("report_to")
    @classmethod
    def reporters_are_named(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if {"all", "none"} & set(value):
            raise ValueError("name the reporters one by one, or write none alone")
        return value

    @model_validator(mode="after")
    def schedule_fits(self) -> Hyperparameters:
        if self.warmup_fraction + self.decay_fraction > 1:
            raise ValueError("warmup_fraction and decay_fraction together exceed 1")
        return self


class EvaluationConfig(Frozen):
    """How the adapter is measured on the validation records."""

    samples: int | None = Field(ge=1, description="Validation records used; null takes all.")
    max_new_tokens: int = Field(ge=16, le=4096, description="Tokens; an answer is cut here.")
    batch_size: int = Field(ge=1, le=512, description="Records that answers are generated for at once.")
    constrained: bool = Field(description="A grammar holds answers to valid JSON; off, the model writes freely.")
    before_tuning: bool = Field(description="Measure the untuned model too; cached by model, data and prompt.")


class GateConfig(Frozen):
    """What a model must reach to be published."""

    macro_f1_min: Share = Field(description="Bound for the mean F1 of the seven fields.")
    field_f1_min: Share = Field(description="Bound for the worst field.")
    json_valid_min: Share = Field(description="Bound for the share of answers that are valid JSON.")
    ungrounded_max: Share = Field(description="Bound for the share of values without support in the note.")
    macro_f1_loss_max: Share = Field(
        description="Macro-F1 that a model may lose against the published one, on the same validation records."
    )


class LimitsConfig(Frozen):
    """What binds a run in time, money and attempts."""

    max_hours: float = Field(gt=0, le=48, description="Hours from the first launch; then the instance is stopped.")
    budget_usd: float = Field(gt=0, description="USD; binds the deadline by the price of the type that started.")
    max_relaunches: int = Field(ge=0, le=20, description="How often a lost host or a stall is relaunched.")
    stall_minutes: float = Field(gt=0, description="No progress for at least this long is a stall.")


class PublishConfig(Frozen):
    """Whether and how the adapter goes to the Hub."""

    enabled: bool = Field(description="Publish a model that passes the gate; off, a run ends with its archive.")
    is_private: bool = Field(description="Visibility of the repository when publishing creates it.")


class PriceOverrides(Frozen):
    """Prices that are not those of config/prices.yml: another region's, or a contract's."""

    usd_per_hour: dict[str, Annotated[float, Field(gt=0)]] = Field(
        default_factory=dict, description="By instance type; the other types keep the table's price."
    )
    usd_per_gib_month: float | None = Field(default=None, ge=0, description="Of gp3 storage.")
    usd_per_bucket_gib_month: float | None = Field(default=None, ge=0, description="Of S3 storage.")


class TrainingConfig(Frozen):
    """The whole configuration of one run."""

    base_model: BaseModelConfig
    training: Hyperparameters
    evaluation: EvaluationConfig
    gate: GateConfig
    limits: LimitsConfig
    publish: PublishConfig
    prices: PriceOverrides = Field(
        default_factory=PriceOverrides, description="What is not stated is as in config/prices.yml."
    )

    def sha256(self) -> str:
        """Return the digest of the canonical JSON form."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()


class RunRequest(Frozen):
    """The execution input; `{}` is valid. `Comment`, which the console prefills, is accepted and ignored."""

    comment: Any = Field(default=None, alias="Comment", exclude=True, description="Ignored; the console prefills it.")
    run_name: str | None = Field(default=None, pattern=RUN_NAME_PATTERN, description="Name shown to people.")
    training: dict[str, Any] = Field(default_factory=dict, description="Overrides of the training section.")
    resume_from: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]{1,80}$", description="Run to continue.")
    publish: bool | None = Field(default=None, description="Instead of publish.enabled.")
    max_hours: float | None = Field(default=None, gt=0, le=48, description="Instead of limits.max_hours.")
    budget_usd: float | None = Field(default=None, gt=0, description="Instead of limits.budget_usd.")
    instance_types: tuple[Annotated[str, Field(pattern=r"^[a-z0-9-]+\.[a-z0-9-]+$")], ...] | None = Field(
        default=None, min_length=1, max_length=10, description="Instead of the setting instance.allowed_types."
    )

    @field_validator("publish", mode="before")
    @classmethod
    def publish_is_a_boolean(cls, value: object) -> object:
        if value is not None and not isinstance(value, bool):
            raise ValueError("must be true or false")
        return value


EVENTBRIDGE_KEYS = {"detail-type", "detail", "source"}


def parse_request(request: object) -> RunRequest:
    """Return the validated execution input.

    Raises: ConfigInvalidError naming every problem, without echoing the input.
    """
    if not isinstance(request, dict):
        raise ConfigInvalidError(f"The execution input must be a JSON object such as {{}}, not {_json_type(request)}")
    if set(request) >= EVENTBRIDGE_KEYS:
        raise ConfigInvalidError("The execution input is an EventBridge envelope: set the target's input to {}")
    try:
        return RunRequest.model_validate(request)
    except ValidationError as error:
        raise ConfigInvalidError(f"The execution input is invalid: {problems(error)}") from None


def resolve(config: TrainingConfig, request: RunRequest) -> TrainingConfig:
    """Return the configuration with the request's overrides applied.

    Raises: ConfigInvalidError naming every problem.
    """
    merged = config.model_dump()
    merged["training"].update(request.training)
    merged["limits"].update(
        {key: value for key in ("max_hours", "budget_usd") if (value := getattr(request, key)) is not None}
    )
    if request.publish is not None:
        merged["publish"]["enabled"] = request.publish
    return validate_config(merged, "The execution input is invalid")


def load_training_config(path: Path) -> TrainingConfig:
    """Return the configuration in a YAML file.

    Raises: ConfigInvalidError naming the file and every problem in it.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigInvalidError(f"{path.name} cannot be read as YAML ({type(error).__name__})") from error
    if not isinstance(content, dict):
        raise ConfigInvalidError(f"{path.name} must hold a mapping")
    return validate_config(content, f"{path.name} is invalid")


def validate_config(content: Mapping[str, Any], what: str) -> TrainingConfig:
    """Return the validated configuration, or every problem at once in a ConfigInvalidError."""
    try:
        return TrainingConfig.model_validate(content)
    except ValidationError as error:
        raise ConfigInvalidError(f"{what}: {problems(error)}") from None


def problems(error: ValidationError, wording: Callable[[Mapping[str, Any]], str | None] = lambda _item: None) -> str:
    """Return every problem of a validation error, by key and reason, without any input value.

    `wording` may give a better reason than pydantic's for an item of the error; it must not quote the input.
    """
    return "; ".join(f"{_path(item['loc'])}: {wording(item) or _reason(item)}" for item in error.errors()[:20])


def _path(location: Iterable[int | str]) -> str:
    return ".".join(_key(part) for part in location) or "(whole)"


def _key(part: int | str) -> str:
    # an input's key is the caller's text: named only when it looks like a key
    text = str(part)
    return text if isinstance(part, int) or PLAIN_KEY.fullmatch(text) else f"(a key of {len(text)} characters)"


def _reason(item: Mapping[str, Any]) -> str:
    return "unknown key" if item["type"] == "extra_forbidden" else str(item["msg"])


def _json_type(value: object) -> str:
    names = {
        list: "an array",
        str: "a string",
        bool: "a boolean",
        type(None): "null",
        int: "a number",
        float: "a number",
    }
    return names.get(type(value), "something else")
