"""The plan's arithmetic against what torch really allocates, counted by its own profiler on a small random Llama."""

from __future__ import annotations

import pytest
import torch
from peft import PeftModel
from slm_core.sizing.memory import Load, Scale, training_items, weights_item
from slm_core.sizing.shape import ModelShape, read_shape
from slm_core.training_config import load_training_config
from torch.profiler import ProfilerActivity, profile
from transformers import LlamaConfig, LlamaForCausalLM

from tests.rehearsal.conftest import PROJECT
from training.checkpoints import CheckpointStore
from training.collation import StepDataset
from training.encoding import EncodedRecord
from training.engine import Companions, make_trainer, run_training
from training.heartbeat import SilentHeartbeat
from training.interruption import Interruption
from training.models import add_adapter, count_trainable, load_model, trainable_size_bytes

pytestmark = [
    pytest.mark.filterwarnings("default:::transformers", "default:::torch", "default:::peft"),
    pytest.mark.usefixtures("one_thread"),
]
# an activation more or less than the formula knows is more than this
TOLERANCE = 0.15
LONGEST = 64
ANSWER = 20
LLAMA = LlamaConfig(
    vocab_size=512,
    hidden_size=128,
    intermediate_size=448,
    num_hidden_layers=4,
    num_attention_heads=4,
    num_key_value_heads=2,
    max_position_embeddings=256,
    pad_token_id=0,
    bos_token_id=1,
    eos_token_id=2,
)


@pytest.fixture(scope="module")
def options():
    config = load_training_config(PROJECT / "config" / "training_config.local.yml")
    return config.training.model_copy(update={"checkpoint_steps": 100, "gradient_checkpointing": False})


@pytest.fixture(scope="module")
def shape(directory):
    return read_shape(directory)


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    directory = tmp_path_factory.mktemp("small-llama")
    LlamaForCausalLM(LLAMA).save_pretrained(directory)
    return directory


def records(count):
    """The largest micro-batch of so many records: equally long, and with no beginning in common."""
    prompts = [(5 + number, *range(100, 99 + LONGEST - ANSWER)) for number in range(count)]
    return [EncodedRecord(prompt, tuple(range(9, 9 + ANSWER))) for prompt in prompts]


def trainer_of(model, options, count, directory):
    steps = StepDataset(records(count), [(tuple(range(count)),)] * 2)
    companions = Companions(CheckpointStore(directory / "c", {}, 1), SilentHeartbeat(), Interruption())
    return make_trainer(model, steps, options, companions)


def peak_of(work):
    """Return the most bytes that torch's allocator held at once beyond what it held before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        work()
    events = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    held = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()
        peak = max(peak, held)
    return peak


def estimate(shape: ModelShape, options, load: Load, *names: str) -> int:
    items = training_items(Scale(shape, options, "none", load.value_bytes), load)
    return sum(item.size_bytes for item in items if item.name in names)


@pytest.mark.parametrize("is_recomputing", [False, True], ids=["kept", "recomputed"])
@pytest.mark.parametrize("count", [6, 16])
def test_a_training_holds_at_its_peak_what_the_plan_says(directory, options, tmp_path, count, is_recomputing):
    options = options.model_copy(update={"gradient_checkpointing": is_recomputing})
    trainer = trainer_of(add_adapter(load_model(directory, torch.float32), options), options, count, tmp_path)
    measured = peak_of(lambda: run_training(trainer, None, Interruption()))
    load = Load(count * LONGEST, LONGEST, count * ANSWER, 4, is_recomputing)
    expected = estimate(read_shape(directory), options, load, "gradients", "optimizer", "activations")
    assert measured == pytest.approx(expected, rel=TOLERANCE)


@pytest.mark.parametrize("is_recomputing", [False, True], ids=["kept", "recomputed"])
def test_under_bfloat16_too(directory, shape, options, tmp_path, is_recomputing):
    model = add_adapter(load_model(directory, torch.bfloat16), options)
    if is_recomputing:
        model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    trainer = trainer_of(model, options, 8, tmp_path)
    step = trainer.train_dataset[0]

    def two_steps():
        for _ in range(2):  # the gradients of the first are there during the second
            with torch.autocast("cpu", dtype=torch.bfloat16):
                trainer.training_step(model, step)

    load = Load(8 * LONGEST, LONGEST, 8 * ANSWER, 2, is_recomputing)
    copies = count_trainable(model) * 2  # autocast's, of the adapter
    expected = estimate(shape, options, load, "gradients", "activations") + copies
    assert peak_of(two_steps) == pytest.approx(expected, rel=TOLERANCE)


@pytest.mark.parametrize("target_modules", ["all-linear", ("q_proj", "v_proj"), r".*\.[01]\.mlp\..*_proj"])
def test_weights_and_adapter_are_counted_exactly(directory, shape, options, target_modules):
    options = options.model_copy(update={"target_modules": target_modules})
    base = load_model(directory, torch.float32)
    scale = Scale(shape, options, "none", 4)
    assert weights_item(scale).size_bytes == sum(parameter.nbytes for parameter in base.parameters())
    tuned = add_adapter(base, options)
    assert scale.adapter_parameters == count_trainable(tuned)
    assert trainable_size_bytes(tuned) == 4 * count_trainable(tuned)


def test_four_bit_weights_take_what_the_plan_says(directory, shape, options):
    model = load_model(directory, torch.float32, "nf4")
    measured = bytes_of_packed(model)
    assert measured == pytest.approx(weights_item(Scale(shape, options, "nf4", 4)).size_bytes, rel=0.02)


def bytes_of_packed(model: PeftModel) -> int:
    """Return the bytes of all parameters, with the scales of the packed ones."""
    total = 0
    for parameter in model.parameters():
        total += parameter.nbytes
        if (state := getattr(parameter, "quant_state", None)) is not None:
            total += state.absmax.nbytes + (state.state2.absmax.nbytes if state.nested else 0)
    return total
