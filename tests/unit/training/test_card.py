"""The model card tells the run's real numbers and what must not be done with the model."""

import pytest
import yaml
from huggingface_hub import ModelCard
from slm_core.records import (
    Difference,
    Evaluation,
    FieldMetrics,
    Gain,
    Interval,
    Metrics,
    Provenance,
    TrainingSummary,
)
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
    gain = Difference(difference=0.622, interval=Interval(low=0.5, high=0.7))
    return Metrics(
        run_id="run-1", validation_sha256="d" * 64, before=evaluation(0.012), after=evaluation(0.634),
        training=training, gain=Gain(macro_f1=gain, record_exact=gain, fields=dict.fromkeys(FIELDS, gain)),
    )  # fmt: skip


@pytest.fixture
def synthetic(spec):
    return spec.model_copy(update={"dataset_is_synthetic": True, "dataset_title": "Made-up notes\nof nobody"})


def card_of(spec, metrics):
    made_of = Provenance(
        git_commit=spec.git_commit, config_sha256=spec.config.sha256(), dataset_sha256=spec.dataset_sha256,
        base_model=spec.base_model, base_model_files={"model.safetensors": "1" * 64}, image=spec.image, seed=42,
        versions={"torch": "2.13.0"},
    )  # fmt: skip
    return model_card(spec, metrics, made_of, {"adapter_model.safetensors": "2" * 64})


def test_the_card_tells_the_measured_numbers(spec, metrics):
    card = card_of(spec, metrics)
    cells = "0.012 | 0.000 to 0.112 | 0.634 | 0.534 to 0.734 | +0.622 | +0.500 to +0.700"
    assert f"| macro mean | {cells} |" in card
    assert card.count(cells) == len(FIELDS) + 1
    assert "| loss on held-out answers (nats per token) | 1.750 | 0.375 |" in card
    assert "| answers that the model ended by itself | 1.2 % | 63.4 % |" in card
    assert "Greedy decoding, held to valid JSON by a grammar, on 32 notes" in card
    assert "$" not in card


def test_a_run_without_zero_shot_evaluation_says_so(spec, metrics):
    card = card_of(spec, metrics.model_copy(update={"before": None, "gain": None}))
    assert "| stage | not measured | not measured | 0.634 |" in card


def test_the_card_shows_the_gate_and_what_was_missed_first(spec, metrics):
    strict = spec.config.gate.model_copy(update={"macro_f1_min": 0.9})
    card = card_of(spec.model_copy(update={"config": spec.config.model_copy(update={"gate": strict})}), metrics)
    gate = card.split("| score | reached | bound | verdict |")[1].split("##")[0].splitlines()
    assert gate[2] == "| macro-F1 | 0.634 | at least 0.900 | MISSED |"
    assert all(line.endswith("| met |") for line in gate[4:] if line)


def test_the_hub_library_reads_the_metadata_and_every_score_in_it(synthetic, metrics):
    card = ModelCard(card_of(synthetic, metrics), ignore_metadata_errors=False)
    data = card.data.to_dict()
    assert (data["base_model"], data["license"]) == (synthetic.base_model.repo_id, "apache-2.0")
    assert (data["library_name"], data["language"], data["base_model_relation"]) == ("peft", "en", "adapter")
    assert card.data.model_name == synthetic.hub.publish_repo.split("/")[1]
    scores = {result.metric_name: result.metric_value for result in card.data.eval_results}
    assert scores == {f"F1, {name}": 0.634 for name in (*FIELDS, "macro mean")}
    assert {result.dataset_revision for result in card.data.eval_results} == {synthetic.dataset_sha256}
    assert yaml.safe_load(str(card).split("---")[1])["tags"][-1] == "synthetic-data"


def test_the_card_can_be_written_and_loaded_again_by_the_hub_library(synthetic, metrics, tmp_path):
    ModelCard(card_of(synthetic, metrics)).save(tmp_path / "README.md")
    assert ModelCard.load(tmp_path / "README.md").data.base_model == synthetic.base_model.repo_id


def test_the_dataset_is_cited_and_what_went_in_is_named_by_its_hash(synthetic, metrics):
    card = card_of(synthetic, metrics)
    assert f"*Made-up notes of nobody*, SHA-256 `{synthetic.dataset_sha256}`" in card
    assert "title = {Made-up notes of nobody}" in card
    assert f"| adapter file adapter_model.safetensors | `{'2' * 64}` |" in card
    assert f"| base model file model.safetensors | `{'1' * 64}` |" in card


def test_notes_that_are_not_known_to_be_synthetic_are_not_called_so(spec, metrics):
    card = card_of(spec, metrics)
    assert "trained and measured on synthetic notes" not in card
    assert "not known to be synthetic" in card
    assert "synthetic-data" not in card
    assert "*Unnamed dataset of clinical notes*" in card


def test_the_card_warns_of_clinical_use_and_says_that_the_data_is_synthetic(synthetic, metrics):
    card = card_of(synthetic, metrics)
    assert "Not for clinical decisions" in card
    assert "synthetic" in card
    assert "Built with Llama" not in card


def test_a_llama_is_attributed_as_its_licence_asks(spec, metrics):
    base = load_training_config(CONFIG.with_name("training_config.yml")).base_model
    llama = spec.model_copy(update={"config": spec.config.model_copy(update={"base_model": base})})
    card = card_of(llama, metrics)
    assert "**Built with Llama**, fine-tuned from Llama 3.1 8B Instruct." in card
    assert (
        "Llama 3.1 is licensed under the Llama 3.1 Community License, Copyright (c) Meta Platforms, Inc. "
        "All Rights Reserved."
    ) in card
    assert yaml.safe_load(card.split("---")[1])["license"] == "llama3.1"


def test_the_local_models_card_says_smollm2_and_apache(spec, metrics):
    card = card_of(spec, metrics)
    assert "SmolLM2 is licensed under the Apache License, Version 2.0 (Apache-2.0)." in card
    assert "A LoRA adapter for SmolLM2 135M Instruct" in card
    assert "Llama" not in card
