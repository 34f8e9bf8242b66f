"""A Llama's shape: the public figures, and what a model directory states."""

import json

import pytest
from slm_core.errors import ConfigInvalidError
from slm_core.sizing.shape import KNOWN_SHAPES, known_shape, read_shape

LLAMA = KNOWN_SHAPES["meta-llama/Llama-3.1-8B-Instruct"]
CONTENT = {
    "model_type": "llama",
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "vocab_size": 100,
}


def write(directory, content):
    (directory / "config.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return directory


@pytest.mark.parametrize(
    ("repo_id", "parameters"),
    [("meta-llama/Llama-3.1-8B-Instruct", 8_030_261_248), ("HuggingFaceTB/SmolLM2-135M-Instruct", 134_515_008)],
)
def test_the_known_shapes_have_the_published_number_of_parameters(repo_id, parameters):
    shape = known_shape(repo_id)
    assert shape.linear_parameters + shape.other_parameters == parameters


def test_an_unknown_model_is_refused_with_what_is_known_and_the_way():
    with pytest.raises(ConfigInvalidError, match=r"known: .*Llama-3\.1-8B.*--model DIR"):
        known_shape("team/other")


def test_what_a_config_leaves_out_is_derived_as_llama_does(tmp_path):
    shape = read_shape(write(tmp_path, CONTENT))
    assert (shape.num_key_value_heads, shape.head_dim, shape.tie_word_embeddings) == (4, 16, False)


@pytest.mark.parametrize(
    ("content", "naming"),
    [
        ("{", "no readable config"),
        ("[]", "another type"),
        (CONTENT | {"model_type": "gpt2"}, "another type"),
        (CONTENT | {"vocab_size": 0}, "vocab_size"),
        ({"model_type": "llama"}, "hidden_size"),
    ],
)
def test_a_config_that_is_no_llamas_is_refused(tmp_path, content, naming):
    with pytest.raises(ConfigInvalidError, match=naming):
        read_shape(write(tmp_path, content))


def test_a_directory_without_config_is_refused_without_its_path(tmp_path):
    with pytest.raises(ConfigInvalidError, match="no readable config") as refusal:
        read_shape(tmp_path / "nothing")
    assert str(tmp_path) not in str(refusal.value)


@pytest.mark.parametrize(
    ("target_modules", "parameters"),
    [
        ("all-linear", 41_943_040),
        (("q_proj", "v_proj"), 32 * 16 * (8192 + 5120)),
        (r".*\.mlp\.down_proj", 32 * 16 * (14336 + 4096)),
        (r"model\.layers\.3[01]\..*o_proj", 2 * 16 * 8192),
    ],
)
def test_the_adapter_counts_rank_times_both_widths_of_each_chosen_matrix(target_modules, parameters):
    assert LLAMA.adapter_parameters(16, target_modules) == parameters


def test_targets_that_choose_nothing_are_refused():
    with pytest.raises(ConfigInvalidError, match="target_modules"):
        LLAMA.adapted_modules(("c_attn",))
