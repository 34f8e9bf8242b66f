"""The model card of an archive: the real numbers of the run put into model_card.template.md."""

from __future__ import annotations

from pathlib import Path
from string import Template

from slm_core.records import Evaluation, Metrics, RunSpec, TrainingSummary

from extraction.prompt import SYSTEM
from extraction.schema import INSTRUCTION

TEMPLATE_PATH = Path(__file__).with_name("model_card.template.md")
UNKNOWN = "not measured"


def model_card(spec: RunSpec, metrics: Metrics) -> str:
    """Return README.md: metadata, results, use, training, limits and the licence's own demands."""
    template = Template(TEMPLATE_PATH.read_text(encoding="utf-8"))
    return template.substitute(_identity(spec) | _results(metrics) | _training(spec, metrics.training))


def _identity(spec: RunSpec) -> dict[str, str]:
    base = spec.config.base_model
    built_with = f"\n**{base.built_with}**, fine-tuned from {base.name}.\n" if base.built_with else ""
    return {
        "repo_id": base.repo_id,
        "revision": spec.base_model.revision,
        "licence": base.licence,
        "base_name": base.name,
        "title": f"{base.name} for cancer information extraction",
        "attribution": built_with,
        "system_message": SYSTEM,
        "instruction": INSTRUCTION,
        "how_to_load": _how_to_load(spec),
        "licence_notice": base.licence_notice,
    }


def _how_to_load(spec: RunSpec) -> str:
    return "\n".join(
        (
            "from peft import PeftModel",
            "from transformers import AutoModelForCausalLM, AutoTokenizer",
            "",
            f'base = AutoModelForCausalLM.from_pretrained("{spec.base_model.repo_id}",',
            f'                                            revision="{spec.base_model.revision}")',
            f'model = PeftModel.from_pretrained(base, "{spec.hub.publish_repo}")',
            f'tokenizer = AutoTokenizer.from_pretrained("{spec.hub.publish_repo}")',
        )
    )


def _results(metrics: Metrics) -> dict[str, str]:
    before, after, training = metrics.before, metrics.after, metrics.training
    return {
        "samples": f"{after.samples:,}",
        "field_rows": "\n".join(_field_row(name, before, after) for name in after.fields),
        "macro_before": f"{before.macro_f1:.3f}" if before else UNKNOWN,
        "macro_after": f"{after.macro_f1:.3f}",
        "macro_interval": f"{after.macro_f1_interval.low:.3f} to {after.macro_f1_interval.high:.3f}",
        "exact_before": _percent(before.record_exact if before else None),
        "exact_after": _percent(after.record_exact),
        "valid_before": _percent(before.json_valid if before else None),
        "valid_after": _percent(after.json_valid),
        "decoding": "constrained to valid JSON by a grammar" if after.is_constrained else "unconstrained",
        "ended_before": _percent(before.ended_by_itself if before else None),
        "ended_after": _percent(after.ended_by_itself),
        "ungrounded_before": _percent(before.ungrounded_rate if before else None),
        "ungrounded_after": _percent(after.ungrounded_rate),
        "loss_before": _number(training.held_out_loss_before),
        "loss_after": _number(training.held_out_loss_after),
    }


def _training(spec: RunSpec, training: TrainingSummary) -> dict[str, str]:
    options = spec.config.training
    modules = options.target_modules
    return {
        "samples_seen": f"{training.samples_seen:,}",
        "steps": f"{training.steps:,}",
        "batch_size": str(options.batch_size),
        "tokens_seen": f"{training.tokens_seen:,}",
        "padding_percent": _percent(training.padding_share),
        "lora_rank": str(options.lora_rank),
        "lora_alpha": f"{options.lora_alpha:g}",
        "target_modules": "all linear layers" if modules == "all-linear" else str(modules),
        "trainable_parameters": f"{training.trainable_parameters:,}",
        "learning_rate": f"{options.learning_rate:g}",
        "adam_beta2": f"{options.adam_beta2:g}",
        "decay_percent": f"{options.decay_fraction:.0%}",
        "precision": _precision(options.dtype, training.quantization or options.quantization),
        "first_loss": _number(training.first_loss),
        "last_loss": _number(training.last_loss),
        "training_minutes": f"{training.seconds / 60:.1f}",
        "device": training.device,
        "seed": str(options.seed),
        "dataset_sha256": spec.dataset_sha256,
        "git_commit": spec.git_commit,
    }


def _field_row(name: str, before: Evaluation | None, after: Evaluation) -> str:
    score = after.fields[name]
    earlier = f"{before.fields[name].f1:.3f}" if before else UNKNOWN
    return f"| {name} | {earlier} | {score.f1:.3f} | {score.f1_interval.low:.3f} to {score.f1_interval.high:.3f} |"


def _precision(dtype: str, quantization: str) -> str:
    return dtype if quantization == "none" else f"{quantization} weights, {dtype}"


def _percent(share: float | None) -> str:
    return UNKNOWN if share is None else f"{share:.1%}"


def _number(value: float | None) -> str:
    return UNKNOWN if value is None else f"{value:.3f}"
