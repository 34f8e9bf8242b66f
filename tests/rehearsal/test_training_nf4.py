"""4-bit QLoRA without a GPU: the same path as on one, computed in float32."""

from __future__ import annotations

import pytest
import torch
from bitsandbytes.nn import Linear4bit, Params4bit
from slm_core.errors import GpuMissingError
from slm_core.training_config import load_training_config
from transformers import LlamaConfig, LlamaForCausalLM

from tests.rehearsal.conftest import PROJECT
from training.batching import PlanOptions, plan_steps
from training.checkpoints import CheckpointStore
from training.collation import StepDataset, pad_right
from training.encoding import EncodedRecord
from training.engine import Companions, make_trainer, run_training
from training.generation import GenerationOptions, greedy_answers
from training.heartbeat import SilentHeartbeat
from training.interruption import Interruption
from training.loss import answer_loss
from training.models import add_adapter, decoder_and_head, load_adapter, load_model, merged_adapter, training_dtype

pytestmark = [
    pytest.mark.filterwarnings("default:::transformers", "default:::torch", "default:::peft"),
    pytest.mark.usefixtures("one_thread"),
]
RECORDS = [EncodedRecord(tuple(range(5, 5 + length)), (40, 41, 42, 43, 2)) for length in (9, 12, 15, 18)]


@pytest.fixture(scope="module")
def options():
    config = load_training_config(PROJECT / "config" / "training_config.local.yml").training
    changes = {"quantization": "nf4", "dtype": "float32", "lora_rank": 4, "batch_size": 4, "learning_rate": 0.01}
    return config.model_copy(update=changes | {"checkpoint_steps": 100, "max_tokens_per_batch": 256})


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    """A random Llama whose widths are whole blocks of 64 weights."""
    directory = tmp_path_factory.mktemp("nf4-llama")
    config = LlamaConfig(
        vocab_size=64,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    torch.manual_seed(3)
    LlamaForCausalLM(config).save_pretrained(directory)
    return directory


@pytest.fixture(scope="module")
def trained(directory, options, tmp_path_factory):
    """The model after some steps in 4 bits, with its history and its packed weights before and after."""
    model = add_adapter(load_model(directory, training_dtype(options), options.quantization), options)
    before = packed_weights(model)
    # as a run does: on some processors bitsandbytes repacks the weights at an evaluation, and then no gradient passes
    assert answers_of(model.eval()) != [[40, 41, 42, 43]] * len(RECORDS)
    plan = plan_steps([len(record) for record in RECORDS], PlanOptions(4, 256, 40, options.seed))
    store = CheckpointStore(tmp_path_factory.mktemp("run") / "checkpoints", {}, 1)
    interruption = Interruption()
    trainer = make_trainer(
        model, StepDataset(RECORDS, plan), options, Companions(store, SilentHeartbeat(), interruption)
    )
    return model, run_training(trainer, None, interruption), before


def packed_weights(model):
    return {
        name: weight.detach().clone() for name, weight in model.named_parameters() if isinstance(weight, Params4bit)
    }


def answers_of(model):
    prompts = [record.prompt_ids for record in RECORDS]
    return [answer.ids for answer in greedy_answers(model, prompts, GenerationOptions(4, 4, frozenset({2})))]


def loss_of(model):
    batch = pad_right(RECORDS)
    decoder, head = decoder_and_head(model)
    with torch.inference_mode():
        hidden = decoder(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False)[0]
        return answer_loss(hidden, batch["labels"], head).item()


def test_the_loss_falls_and_every_matrix_stays_packed_as_it_was(trained):
    model, history, before = trained
    assert history[-1]["loss"] < 0.8 * history[0]["loss"]
    after = packed_weights(model)
    assert len(after) == 2 * 7
    assert all(weight.dtype == torch.uint8 and torch.equal(weight, before[name]) for name, weight in after.items())


def test_the_saved_adapter_gives_the_same_loss_on_a_model_loaded_anew(trained, directory, options, tmp_path):
    model, _, _ = trained
    model.eval().save_pretrained(tmp_path, save_embedding_layers=False)
    again = load_adapter(load_model(directory, torch.float32, "nf4"), tmp_path)
    untuned = load_model(directory, torch.float32, "nf4")
    assert loss_of(again) == pytest.approx(loss_of(model), rel=1e-5)
    assert loss_of(again) < loss_of(untuned)


def test_answers_are_made_without_folding_the_adapter_into_four_bits(trained):
    model, _, before = trained
    model.eval()
    layers = [module for module in model.modules() if isinstance(module, Linear4bit)]
    with merged_adapter(model):
        assert all(torch.equal(weight, before[name]) for name, weight in packed_weights(model).items())
    assert len(layers) == 2 * 7
    assert answers_of(model) == [[40, 41, 42, 43]] * len(RECORDS)


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a GPU")
@pytest.mark.parametrize(("quantization", "dtype"), [("nf4", "auto"), ("nf4", "bfloat16"), ("none", "bfloat16")])
def test_what_would_crawl_on_the_processor_or_was_meant_for_a_gpu_is_refused(options, quantization, dtype):
    with pytest.raises(GpuMissingError):
        training_dtype(options.model_copy(update={"quantization": quantization, "dtype": dtype}))
