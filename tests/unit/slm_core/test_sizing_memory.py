"""The memory of a training, redone by hand; tests/rehearsal/test_training_memory.py holds it against torch."""

from dataclasses import replace
from pathlib import Path

import pytest
from slm_core.sizing.gpu import GPUS
from slm_core.sizing.memory import (
    Load,
    MemoryEstimate,
    Scale,
    activations_item,
    attention_bytes_per_token,
    evaluation_items,
    layer_bytes_per_token,
    load_of,
    training_items,
    weights_item,
)
from slm_core.sizing.shape import KNOWN_SHAPES
from slm_core.training_config import load_training_config

CONFIG = load_training_config(Path(__file__).parents[3] / "config" / "training_config.yml")
LLAMA = KNOWN_SHAPES["meta-llama/Llama-3.1-8B-Instruct"]
SMOLLM2 = KNOWN_SHAPES["HuggingFaceTB/SmolLM2-135M-Instruct"]
OPTIONS = CONFIG.training.model_copy(
    update={"lora_rank": 16, "target_modules": "all-linear", "lora_dropout": 0.0, "batch_size": 16}
)
HALF = Scale(LLAMA, OPTIONS, "none", 2)
PACKED = Scale(LLAMA, OPTIONS, "nf4", 2)
KEPT = Load(tokens=1000, longest_tokens=500, answer_rows=300, value_bytes=2, is_recomputing=False)
RECOMPUTED = replace(KEPT, is_recomputing=True)


def sizes(items):
    return {item.name: item.size_bytes for item in items}


def test_whole_weights_are_the_parameters_times_their_width():
    assert weights_item(HALF).size_bytes == 8_030_261_248 * 2
    assert weights_item(Scale(SMOLLM2, OPTIONS, "none", 4)).size_bytes == 134_515_008 * 4


def test_four_bit_weights_pack_the_layers_and_leave_vocabulary_and_norms():
    matrices = 6_979_321_856
    scales = matrices / 64 + matrices / 64 / 256 * 4
    assert weights_item(PACKED).size_bytes == pytest.approx(matrices / 2 + scales + 1_050_939_392 * 2, abs=1)


def test_adapter_gradients_and_moments_are_float32_with_autocasts_copy_beside():
    found = sizes(training_items(HALF, KEPT))
    assert found["adapter"] == 41_943_040 * (4 + 2)
    assert found["gradients"] == 41_943_040 * 4
    assert found["optimizer"] == 41_943_040 * 8


def test_a_layer_keeps_of_a_token_what_the_list_says():
    # norms, queries and output, keys and values, log-sum-exp, gate/SiLU/up, the adapter's inputs, its ranks
    attention = 2 * 4096 * 2 + 2 * 1024 * 2 + 32 * 4
    by_hand = 2 * 4096 * 4 + attention + 3 * 14336 * 2 + (3 * 4096 + 14336) * 2 + 7 * 16 * 2
    assert layer_bytes_per_token(HALF, 2) == by_hand
    assert attention_bytes_per_token(LLAMA, 2) == attention


def test_in_float32_everything_is_twice_as_wide_but_norms_and_log_sum_exp():
    once = layer_bytes_per_token(HALF, 2)
    assert layer_bytes_per_token(HALF, 4) == 2 * once - 2 * 4096 * 4 - 32 * 4


def test_a_matrix_without_an_adapter_keeps_no_input():
    few = OPTIONS.model_copy(update={"target_modules": ("q_proj", "v_proj")})
    fewer = layer_bytes_per_token(HALF, 2) - layer_bytes_per_token(Scale(LLAMA, few, "none", 2), 2)
    # queries and values still read the first norm's output
    assert fewer == (2 * 4096 + 14336) * 2 + 5 * 16 * 2


def test_dropout_adds_a_mask_and_a_copy_for_every_matrix():
    holes = Scale(LLAMA, OPTIONS.model_copy(update={"lora_dropout": 0.1}), "none", 2)
    assert layer_bytes_per_token(holes, 2) - layer_bytes_per_token(HALF, 2) == (3 * 4096) * 2 + 6 * 4096 + 14336


def test_without_recomputation_every_layer_is_kept_with_it_one_and_the_inputs():
    per_token = layer_bytes_per_token(HALF, 2)
    logits, working = 300 * 128_256 * 10, 1000 * 2 * 14336 * 2
    assert logits > working
    kept = activations_item(HALF, KEPT).size_bytes
    recomputed = activations_item(HALF, RECOMPUTED).size_bytes
    assert kept == 1000 * 32 * per_token + logits
    assert recomputed == 1000 * 32 * 4096 * 2 + max(1000 * per_token + working, logits)


def test_the_largest_micro_batch_is_bound_by_budget_records_and_the_chunk_of_logits():
    options = OPTIONS.model_copy(update={"max_tokens_per_batch": 3500, "max_seq_length": 768, "batch_size": 4})
    largest = load_of(options, 2, is_recomputing=False)
    assert (largest.tokens, largest.longest_tokens, largest.answer_rows) == (4 * 768, 768, 1024)
    assert load_of(options.model_copy(update={"batch_size": 64}), 2, is_recomputing=True).tokens == 3500


def test_an_evaluation_holds_keys_and_values_of_every_layer_for_every_row():
    evaluation = CONFIG.evaluation.model_copy(update={"batch_size": 8, "max_new_tokens": 200})
    found = sizes(evaluation_items(HALF, evaluation, 500))
    assert found["key-value cache"] == 8 * 700 * 2 * 32 * 1024 * 2
    assert found["reading the prompts"] == 8 * 500 * 3 * 14336 * 2
    assert "unpacked matrix" in sizes(evaluation_items(PACKED, evaluation, 500))


def test_fitting_leaves_a_tenth_free():
    items = training_items(HALF, RECOMPUTED)
    need = sum(item.size_bytes for item in items)
    estimate = MemoryEstimate(training=items, evaluation=())
    assert estimate.fits(int(need / 0.9) + 1)
    assert not estimate.fits(int(need / 0.91))


@pytest.mark.parametrize("name", list(GPUS))
def test_every_gpu_has_at_least_one_instance_type(name):
    assert GPUS[name].instance_type(1)[1].split(".")[0] in {"g5", "g6", "g6e", "p4d", "p5"}
