"""`auto` is decided by the GPU that is there; without one nothing is packed and nothing recomputed."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
import torch
from slm_core.errors import ConfigInvalidError
from slm_core.sizing.gpu import GIB
from slm_core.sizing.shape import KNOWN_SHAPES
from slm_core.training_config import load_training_config

from tests.rehearsal.conftest import PROJECT
from training.precision import settled

CONFIG = load_training_config(PROJECT / "config" / "training_config.yml")


@pytest.fixture
def llama(tmp_path):
    """A directory that says of itself that it holds Llama 3.1 8B."""
    shape = KNOWN_SHAPES["meta-llama/Llama-3.1-8B-Instruct"]
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"} | shape.model_dump()))
    return tmp_path


def with_gpu(monkeypatch, memory_gib):
    properties = SimpleNamespace(total_memory=int(memory_gib * GIB))
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.is_bf16_supported", lambda: True)
    monkeypatch.setattr("torch.cuda.current_device", lambda: 0)
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda _device: properties)


def config(**training):
    return CONFIG.model_copy(update={"training": CONFIG.training.model_copy(update=training)})


def decision(options):
    return options.quantization, options.gradient_checkpointing


@pytest.mark.parametrize(
    ("memory_gib", "expected"), [(79, ("none", False)), (22, ("none", True)), (15, ("nf4", True)), (6, ("nf4", True))]
)
def test_the_gpu_that_is_there_decides(monkeypatch, llama, memory_gib, expected):
    with_gpu(monkeypatch, memory_gib)
    assert decision(settled(config(), llama)) == expected


def test_what_is_stated_stays_and_nothing_else_changes(monkeypatch, llama, tmp_path):
    with_gpu(monkeypatch, 79)
    stated = config(quantization="nf4", gradient_checkpointing=True)
    assert settled(stated, tmp_path / "no-model") == stated.training
    half = settled(config(quantization="nf4"), llama)
    assert half == config(quantization="nf4", gradient_checkpointing=False).training


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
def test_without_a_gpu_weights_stay_whole_and_nothing_is_recomputed(tmp_path):
    assert decision(settled(config(), tmp_path)) == ("none", False)


def test_a_model_of_another_kind_must_be_told_outright(monkeypatch, tmp_path):
    with_gpu(monkeypatch, 22)
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    with pytest.raises(ConfigInvalidError, match="another type"):
        settled(config(), tmp_path)
