"""Llama 3.1's conventions on a tiny random Llama: its special tokens, its template, its two ways to end.

The template writes <|begin_of_text|> itself, which its tokenizer would add once more; a turn ends with <|eot_id|>,
while the tokenizer's own end is another token; there is no padding token.
"""

from __future__ import annotations

import pytest
import torch
from slm_core.errors import DatasetInvalidError
from slm_core.training_config import load_training_config

from extraction.prompt import prompt_ids
from extraction.schema import FIELDS, INSTRUCTION, DatasetRecord, ExtractionRecord
from tests.rehearsal.conftest import PROJECT
from training.checkpoints import CheckpointStore
from training.collation import StepDataset, pad_right
from training.encoding import encode_records
from training.engine import Companions, make_trainer, run_training
from training.generation import GenerationOptions, greedy_answers, stop_ids_of
from training.heartbeat import SilentHeartbeat
from training.interruption import Interruption
from training.loss import IGNORED_LABEL
from training.models import add_adapter, load_model, load_tokenizer

pytestmark = pytest.mark.filterwarnings("default:::transformers", "default:::torch", "default:::peft")
BEGIN, END, HEADER, HEADER_END, TURN_END = (
    f"<|{name}|>" for name in ("begin_of_text", "end_of_text", "start_header_id", "end_header_id", "eot_id")
)
SPECIAL = (BEGIN, END, HEADER, HEADER_END, TURN_END)
TEMPLATE = (
    "{{ bos_token }}{% for turn in messages %}<|start_header_id|>{{ turn.role }}<|end_header_id|>\n\n"
    "{{ turn.content | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
EMPTY_ANSWER = ExtractionRecord(**dict.fromkeys(FIELDS)).answer()
NOTES = ("Stage II breast cancer.", "Nothing was found in this rather longer synthetic note.")


@pytest.fixture(scope="module")
def llama3(tmp_path_factory):
    """The directory of a model whose tokenizer is built like Llama 3's."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers
    from tokenizers.decoders import ByteLevel
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    directory = tmp_path_factory.mktemp("llama3")
    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=600, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    backend.train_from_iterator([INSTRUCTION, *NOTES, EMPTY_ANSWER] * 3, trainer)
    # Llama 3 numbers its special tokens after the vocabulary
    backend.add_special_tokens(list(SPECIAL))
    begin = (BEGIN, backend.token_to_id(BEGIN))
    backend.post_processor = processors.TemplateProcessing(single=f"{BEGIN} $A", special_tokens=[begin])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token=BEGIN,
        eos_token=END,
        additional_special_tokens=[HEADER, HEADER_END, TURN_END],
        chat_template=TEMPLATE,
    )
    tokenizer.save_pretrained(directory)
    ids = {name: backend.token_to_id(name) for name in SPECIAL}
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=backend.get_vocab_size(),
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=4096,
        rope_parameters={
            "rope_type": "llama3",
            "rope_theta": 500000.0,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 1024,
        },
        bos_token_id=ids[BEGIN],
        eos_token_id=[ids[END], ids[TURN_END]],
    )
    model = LlamaForCausalLM(config)
    model.generation_config = GenerationConfig(bos_token_id=ids[BEGIN], eos_token_id=[ids[END], ids[TURN_END]])
    model.save_pretrained(directory)
    return directory


@pytest.fixture(scope="module")
def tokenizer(llama3):
    return load_tokenizer(llama3)


@pytest.fixture(scope="module")
def ids(tokenizer):
    return {name: tokenizer.convert_tokens_to_ids(name) for name in SPECIAL}


@pytest.fixture(scope="module")
def records():
    return [DatasetRecord(input=note, output=ExtractionRecord(**dict.fromkeys(FIELDS))) for note in NOTES]


@pytest.fixture(scope="module")
def encoded(tokenizer, records):
    return encode_records(tokenizer, records)


def test_the_tokenizer_would_begin_twice_and_a_record_begins_once(tokenizer, encoded, ids):
    assert tokenizer(BEGIN).input_ids == [ids[BEGIN]] * 2
    for record in encoded:
        whole = [*record.prompt_ids, *record.answer_ids]
        assert (whole[0], whole.count(ids[BEGIN])) == (ids[BEGIN], 1)


def test_a_prompt_in_use_is_the_prompt_that_was_learned_on(tokenizer, encoded, records):
    for record, example in zip(records, encoded, strict=True):
        assert tuple(prompt_ids(tokenizer, record.input)) == example.prompt_ids


def test_the_labels_are_the_answer_and_its_end_of_turn_and_nothing_of_the_prompt(tokenizer, encoded, records, ids):
    labels = pad_right(encoded)["labels"]
    for row, record in enumerate(records):
        learned = labels[row][labels[row] != IGNORED_LABEL].tolist()
        assert tokenizer.decode(learned[:-1]) == record.output.answer()
        assert learned[-1] == ids[TURN_END]
        assert (labels[row, : len(encoded[row].prompt_ids)] == IGNORED_LABEL).all()


def test_a_tokenizer_without_padding_hides_padding_by_the_mask_and_no_label(tokenizer, encoded):
    assert tokenizer.pad_token is None
    batch = pad_right(encoded)
    for row, record in enumerate(encoded):
        assert batch["attention_mask"][row].tolist() == [1] * len(record) + [0] * (
            batch["labels"].shape[1] - len(record)
        )
        assert (batch["labels"][row, len(record) :] == IGNORED_LABEL).all()


def test_answers_that_would_be_cut_are_counted_before_any_training(tokenizer, records, encoded):
    shorter, longer = sorted(len(record) for record in encoded)
    assert len(encode_records(tokenizer, records, longer)) == 2
    with pytest.raises(DatasetInvalidError, match=r"1 of 2 records are longer"):
        encode_records(tokenizer, records, shorter)


@pytest.fixture(scope="module")
def overfitted(llama3, encoded, tmp_path_factory, one_thread):
    """The model after it has learned two answers by heart."""
    options = load_training_config(PROJECT / "config" / "training_config.local.yml").training
    options = options.model_copy(
        update={"lora_rank": 32, "learning_rate": 0.01, "checkpoint_steps": 1000, "checkpoint_minutes": 10}
    )
    model = add_adapter(load_model(llama3, torch.float32), options)
    steps = StepDataset(encoded, [((0, 1),)] * 250)
    store = CheckpointStore(tmp_path_factory.mktemp("run") / "checkpoints", {}, 1)
    run_training(
        make_trainer(model, steps, options, Companions(store, SilentHeartbeat(), Interruption())), None, Interruption()
    )
    return model.eval()


def test_the_end_of_turn_is_learned_and_ends_the_answer_though_it_is_not_the_tokenizers_end(
    overfitted, tokenizer, encoded, records, ids
):
    stop_ids = stop_ids_of(overfitted, tokenizer.eos_token_id)
    assert stop_ids == {ids[END], ids[TURN_END]}
    longest = max(len(record.answer_ids) for record in encoded)
    found = greedy_answers(
        overfitted, [record.prompt_ids for record in encoded], GenerationOptions(2 * longest, 2, stop_ids)
    )
    assert [tokenizer.decode(answer.ids) for answer in found] == [record.output.answer() for record in records]
    assert all(answer.has_stopped for answer in found)
