"""The model card tells the run's real numbers and what must not be done with the model."""

import pytest
import yaml
from slm_core.records import Evaluation, FieldMetrics, Interval, Metrics, TrainingSummary
from slm_core.training_config import load_training_config

from extraction.schema import FIELDS
from tests.unit.training.conftest import CONFIG
from training.card import model_card


def evaluation(f1):
    spread = Interval(low=max(0.0, f1 - 0.1), high=f1 + 0.1)
    field = FieldMetrics(precision=f1, recall=f1, f1=f1, f1_interval=spread)
    return Evaluation(
        is_constrained=True, ended_by_itself=f1,
        samples=32, macro_f1=f1, macro_f1_interval=spread, micro_f1=f1, record_exact=f1, json_valid=f1,
        ungrounded_rate=0.25, fields=dict.fromkeys(FIELDS, field), seconds=9.0,
    )  # fmt: skip


@pytest.fixture
def metrics():
    training = TrainingSummary(
        steps=32, resumed_from_step=0, samples_seen=128, tokens_seen=32000, first_loss=1.5, last_loss=0.25,
        held_out_loss_before=1.75, held_out_loss_after=0.375, seconds=120.0, padding_share=0.01,
        peak_memory_bytes=1, trainable_parameters=4884480, device="cpu (2 threads)",
    )  # fmt: skip
    return Metrics(
        run_id="run-1", validation_sha256="d" * 64, before=evaluation(0.012), after=evaluation(0.634), training=training
    )


def test_the_card_tells_the_measured_numbers(spec, metrics):
    card = model_card(spec, metrics)
    assert "| **macro mean** | 0.012 | **0.634** | 0.534 to 0.734 |" in card
    assert card.count("0.634 | 0.534 to 0.734") == len(FIELDS)
    assert "| loss on held-out answers (nats per token) | 1.750 | 0.375 |" in card
    assert spec.dataset_sha256 in card
    assert "| answers that the model ended by itself | 1.2% | 63.4% |" in card
    assert "constrained to valid JSON by a grammar" in card
    assert "$" not in card


def test_a_run_without_zero_shot_evaluation_says_so(spec, metrics):
    card = model_card(spec, metrics.model_copy(update={"before": None}))
    assert "| stage | not measured | 0.634 |" in card


def test_the_metadata_names_base_model_and_licence(spec, metrics):
    metadata = yaml.safe_load(model_card(spec, metrics).split("---")[1])
    assert metadata["base_model"] == spec.base_model.repo_id
    assert metadata["license"] == "apache-2.0"
    assert (metadata["library_name"], metadata["language"]) == ("peft", "en")


def test_the_card_warns_of_clinical_use_and_says_that_the_data_is_synthetic(spec, metrics):
    card = model_card(spec, metrics)
    assert "Not for clinical decisions" in card
    assert "synthetic" in card
    assert "Built with Llama" not in card


def test_a_llama_is_attributed_as_its_licence_asks(spec, metrics):
    base = load_training_config(CONFIG.with_name("training_config.yml")).base_model
    llama = spec.model_copy(update={"config": spec.config.model_copy(update={"base_model": base})})
    card = model_card(llama, metrics)
    assert "**Built with Llama**, fine-tuned from Llama 3.1 8B Instruct." in card
    assert (
        "Llama 3.1 is licensed under the Llama 3.1 Community License, Copyright (c) Meta Platforms, Inc. "
        "All Rights Reserved."
    ) in card
    assert yaml.safe_load(card.split("---")[1])["license"] == "llama3.1"


def test_the_local_models_card_says_smollm2_and_apache(spec, metrics):
    card = model_card(spec, metrics)
    assert "SmolLM2 is licensed under the Apache License, Version 2.0 (Apache-2.0)." in card
    assert "A LoRA adapter for SmolLM2 135M Instruct" in card
    assert "Llama" not in card
