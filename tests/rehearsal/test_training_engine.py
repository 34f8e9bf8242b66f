"""The engine on a tiny random Llama: the loss is the right one, the labels too, and what must not be saved is not."""

import math

import pytest
import torch
from peft.tuners.lora import Linear
from slm_core.errors import BaseModelCorruptError, TrainingDivergedError
from slm_core.training_config import load_training_config
from torch.nn.functional import cross_entropy

from extraction.schema import FIELDS, DatasetRecord, ExtractionRecord
from tests.rehearsal.conftest import PROJECT
from training.batching import PlanOptions, plan_steps
from training.checkpoints import CheckpointStore, newest_complete
from training.collation import StepDataset, pad_right
from training.encoding import encode_records
from training.engine import Companions, make_trainer, run_training
from training.generation import GenerationOptions, greedy_answers, stop_ids_of
from training.heartbeat import SilentHeartbeat
from training.interruption import Interruption
from training.lora import InPlaceLoraLinear
from training.loss import IGNORED_LABEL, answer_loss, rows_loss
from training.models import add_adapter, decoder_and_head, load_model, load_tokenizer
from training.packing import pack, packed_attention, packed_hidden_states

pytestmark = pytest.mark.filterwarnings("default:::transformers", "default:::torch", "default:::peft")
NOTES = ("Synthetic note: stage II.", "Synthetic note: breast cancer.", "A longer synthetic note about nothing at all.")


@pytest.fixture(scope="module")
def options():
    config = load_training_config(PROJECT / "config" / "training_config.local.yml")
    return config.training.model_copy(
        update={"lora_rank": 2, "checkpoint_steps": 2, "keep_checkpoints": 100, "max_tokens_per_batch": 4096}
    )


@pytest.fixture
def model(tiny_model, options):
    torch.manual_seed(7)
    adapted = add_adapter(load_model(tiny_model, torch.float32), options)
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:  # zero at first: A would have no gradient
            torch.nn.init.normal_(parameter, std=0.05)
    return adapted


@pytest.fixture(scope="module")
def encoded(tiny_model):
    records = [DatasetRecord(input=note, output=ExtractionRecord(**dict.fromkeys(FIELDS))) for note in NOTES]
    return encode_records(load_tokenizer(tiny_model), records)


def our_loss(model, batch, rows_per_chunk=1024):
    decoder, head = decoder_and_head(model)
    hidden = decoder(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False)[0]
    return answer_loss(hidden, batch["labels"], head, rows_per_chunk)


def packed_loss(model, records):
    decoder, head = decoder_and_head(model)
    batch = pack(records)
    return rows_loss(packed_hidden_states(decoder, batch), batch["targets"], head)


def full_logits_loss(model, batch):
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    return cross_entropy(
        logits[:, :-1].flatten(0, 1), batch["labels"][:, 1:].flatten(), ignore_index=IGNORED_LABEL, reduction="sum"
    )


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None}


@pytest.mark.parametrize("rows_per_chunk", [1024, 7])
def test_loss_and_gradients_equal_those_of_the_full_logits(model, encoded, rows_per_chunk):
    batch = pad_right(encoded)
    expected_loss, loss = full_logits_loss(model, batch), our_loss(model, batch, rows_per_chunk)
    assert loss.item() == pytest.approx(expected_loss.item(), rel=1e-5)
    assert_same(gradients(model, loss), gradients(model, expected_loss))


def assert_same(found, expected):
    assert found.keys() == expected.keys()
    for name, gradient in expected.items():
        assert gradient.norm() > 0
        assert (found[name] - gradient).norm() <= 1e-4 * gradient.norm()


@pytest.mark.parametrize("chosen", [(0, 1, 2), (2, 0), (1,), (1, 1)], ids=str)
@pytest.mark.parametrize("recomputes", [False, True])
def test_packed_records_have_the_loss_and_gradients_of_the_full_logits(model, encoded, chosen, recomputes):
    records = [encoded[index] for index in chosen]
    expected_loss = full_logits_loss(model, pad_right(records))
    expected = gradients(model, expected_loss)
    if recomputes:
        model.train().gradient_checkpointing_enable({"use_reentrant": False})
    with packed_attention(decoder_and_head(model)[0]):
        loss = packed_loss(model, records)
        assert loss.item() == pytest.approx(expected_loss.item(), rel=1e-5)
        assert_same(gradients(model, loss), expected)


def test_packing_keeps_what_records_share_once_and_pads_nothing(encoded):
    batch = pack(encoded)
    columns = zip(*(record.prompt_ids for record in encoded), strict=False)
    shared = next(length for length, ids in enumerate(columns) if len(set(ids)) > 1)
    assert shared > 0
    assert batch["input_ids"].numel() == sum(len(record) for record in encoded) - shared * (len(encoded) - 1)
    ids = batch["input_ids"][0]
    for row, record in zip(batch["row_of"], encoded, strict=True):
        assert ids[row[: len(record)]].tolist() == [*record.prompt_ids, *record.answer_ids]
    assert batch["targets"].tolist() == [token for record in encoded for token in record.answer_ids]


def test_the_layer_that_adds_in_place_has_the_values_and_gradients_of_pefts_own(model):
    layer = next(module for module in model.modules() if isinstance(module, InPlaceLoraLinear))
    layer.scaling["default"] = 1.7
    found, expected = [], []
    for forward, results in ((layer.forward, found), (lambda x: Linear.forward(layer, x), expected)):
        inputs = torch.linspace(-1, 1, 2 * 3 * layer.in_features).view(2, 3, -1).requires_grad_()
        output = forward(inputs)
        trained = [layer.lora_A["default"].weight, layer.lora_B["default"].weight]
        results += [output, *torch.autograd.grad(output.pow(2).sum(), [inputs, *trained])]
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-6)


def test_labels_stand_on_the_answer_and_its_stop_token_alone(tiny_model, encoded):
    tokenizer = load_tokenizer(tiny_model)
    batch = pad_right(encoded)
    for row, record in enumerate(encoded):
        labels = batch["labels"][row]
        learned = labels[labels != IGNORED_LABEL].tolist()
        assert learned == list(record.answer_ids)
        assert learned[-1] == tokenizer.eos_token_id
        assert (labels[: len(record.prompt_ids)] == IGNORED_LABEL).all()
        assert batch["attention_mask"][row].sum() == len(record)


def test_a_step_cut_into_micro_batches_has_the_gradient_of_the_whole_step(model, encoded, options, tmp_path):
    def gradients_of(micro_batches):
        companions = Companions(CheckpointStore(tmp_path / "c", {}, 2), SilentHeartbeat(), Interruption())
        trainer = make_trainer(model, StepDataset(encoded, [micro_batches]), options, companions)
        model.zero_grad()
        loss = trainer.training_step(model, StepDataset(encoded, [micro_batches])[0])
        return loss, [parameter.grad.clone() for parameter in model.parameters() if parameter.grad is not None]

    whole_loss, whole = gradients_of(((0, 1, 2),))
    cut_loss, cut = gradients_of(((0,), (1, 2)))
    assert cut_loss.item() == pytest.approx(whole_loss.item(), rel=1e-5)
    for one, other in zip(whole, cut, strict=True):
        assert torch.allclose(one, other, rtol=1e-4, atol=1e-7)


def test_training_lowers_the_loss_and_changes_the_adapter_alone(model, encoded, options, tmp_path):
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    history = train(model, encoded, options, tmp_path)
    assert history[-1]["loss"] < history[0]["loss"]
    changed = {name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])}
    assert changed
    assert all("lora_" in name for name in changed)
    assert newest_complete(tmp_path / "checkpoints").step == len(history)


def test_a_launch_after_the_last_step_trains_nothing_more(tiny_model, model, encoded, options, tmp_path):
    history = train(model, encoded, options, tmp_path)
    again = add_adapter(load_model(tiny_model, torch.float32), options)
    resumed = train(again, encoded, options, tmp_path, newest_complete(tmp_path / "checkpoints").path)
    assert resumed == history
    tuned = dict(model.named_parameters())
    assert all(torch.equal(parameter, tuned[name]) for name, parameter in again.named_parameters())


def test_a_run_that_continues_another_trains_with_its_own_rate_decay_and_betas(
    tiny_model, model, encoded, options, tmp_path
):
    first = train(model, encoded, options, tmp_path)
    changes = {"learning_rate": options.learning_rate / 8, "weight_decay": 0.25, "adam_beta2": 0.9}
    trainer, history = continued(tiny_model, encoded, options.model_copy(update=changes), tmp_path)
    resumed = [row["learning_rate"] for row in history[2:]]
    assert resumed == pytest.approx([row["learning_rate"] / 8 for row in first[2:]])
    groups = trainer.optimizer.param_groups
    assert {group["betas"][1] for group in groups} == {0.9}
    assert max(group["weight_decay"] for group in groups) == 0.25
    assert history != first


def test_a_run_that_continues_with_the_same_options_ends_with_the_same_bits(
    tiny_model, model, encoded, options, tmp_path
):
    first = train(model, encoded, options, tmp_path)
    trainer, history = continued(tiny_model, encoded, options, tmp_path)
    same = ("loss", "grad_norm", "learning_rate")
    assert [[row[name] for name in same] for row in history] == [[row[name] for name in same] for row in first]
    tuned = dict(model.named_parameters())
    assert all(torch.equal(parameter, tuned[name]) for name, parameter in trainer.model.named_parameters())


def continued(tiny_model, encoded, options, directory):
    """Continue from step 2 in a directory of its own, and return the trainer and the whole history."""
    model = add_adapter(load_model(tiny_model, torch.float32), options)
    trainer = trainer_of(model, encoded, options, directory / "continued")
    return trainer, run_training(trainer, directory / "checkpoints" / "step-2", Interruption())


def train(model, encoded, options, directory, resume_from=None):
    return run_training(trainer_of(model, encoded, options, directory), resume_from, Interruption())


def trainer_of(model, encoded, options, directory):
    lengths = [len(record) for record in encoded]
    plan = plan_steps(lengths, PlanOptions(options.batch_size, options.max_tokens_per_batch, 8, options.seed))
    store = CheckpointStore(directory / "checkpoints", {}, options.keep_checkpoints)
    companions = Companions(store, SilentHeartbeat(), Interruption())
    return make_trainer(model, StepDataset(encoded, plan), options, companions)


def test_a_loss_that_is_no_number_is_named_and_never_saved(model, encoded, options, tmp_path):
    poisoned = next(parameter for name, parameter in model.named_parameters() if "lora_A" in name)
    with torch.no_grad():
        poisoned.fill_(math.nan)
    with pytest.raises(TrainingDivergedError, match="step 1"):
        train(model, encoded, options.model_copy(update={"checkpoint_steps": 1}), tmp_path)
    assert newest_complete(tmp_path / "checkpoints") is None


@pytest.mark.parametrize("has_adapter", [False, True])
def test_greedy_answers_equal_those_of_generate_for_every_row(tiny_model, model, encoded, has_adapter):
    model = model.eval() if has_adapter else load_model(tiny_model, torch.float32)
    stop_ids = frozenset({5, 2})  # an ordinary token too, so that rows end at different times
    prompts = [record.prompt_ids for record in encoded]
    found = greedy_answers(model, prompts, GenerationOptions(24, 2, stop_ids))
    for prompt, answer in zip(prompts, (answer.ids for answer in found), strict=True):
        ids = torch.tensor([prompt])
        output = model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=24,
            do_sample=False,
            eos_token_id=list(stop_ids),
        )
        expected = output[0, len(prompt) :].tolist()
        assert answer == [token for token in expected if token not in stop_ids]


def test_every_stop_token_of_the_model_ends_an_answer(tiny_model):
    model = load_model(tiny_model, torch.float32)
    model.generation_config.eos_token_id = [2, 9]
    assert stop_ids_of(model, 4) == {2, 4, 9}


def test_a_model_with_damaged_weights_is_named_corrupt(tiny_model, tmp_path):
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    for path in tiny_model.iterdir():
        content = path.read_bytes()
        (damaged / path.name).write_bytes(content[:100] if path.suffix == ".safetensors" else content)
    with pytest.raises(BaseModelCorruptError):
        load_model(damaged, torch.float32)


def test_an_fp32_adapter_on_bf16_weights_answers_outside_autocast_too(tiny_model, options):
    adapted = add_adapter(load_model(tiny_model, torch.bfloat16), options)

    with torch.inference_mode():
        outside = adapted(input_ids=torch.tensor([[1, 2, 3]])).logits
        with torch.autocast("cpu", torch.bfloat16):
            within = adapted(input_ids=torch.tensor([[1, 2, 3]])).logits

    assert {parameter.dtype for name, parameter in adapted.named_parameters() if "lora_" in name} == {torch.float32}
    torch.testing.assert_close(outside.float(), within.float(), rtol=0.05, atol=0.05)
