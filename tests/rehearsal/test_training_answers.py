"""Answers of a model with random weights, the worst there is: a grammar makes each of them a whole record."""

import json

import pytest
import torch

from extraction.parser import parse_answer
from extraction.prompt import prompt_ids
from extraction.schema import FIELDS, ExtractionRecord
from training.answering import DecodingRequest, Writer, generation_options, raw_answers, stream_raw_answers
from training.generation import GenerationOptions, greedy_answers
from training.models import load_model, load_tokenizer

pytestmark = pytest.mark.filterwarnings("default:::transformers", "default:::torch")
NOTES = [f"Synthetic note {'about nothing ' * (number % 4)}{number}: stage II." for number in range(7)]


@pytest.fixture(scope="module")
def tokenizer(tiny_model):
    return load_tokenizer(tiny_model)


@pytest.fixture
def model(tiny_model):
    return load_model(tiny_model, torch.float32)


def prompts_of(tokenizer):
    return [prompt_ids(tokenizer, note) for note in NOTES]


@pytest.fixture
def talkative(model, tokenizer):
    """A model that opens strings and never closes one of its own accord."""
    head = torch.nn.Linear(32, model.config.vocab_size, bias=True)
    torch.manual_seed(3)
    torch.nn.init.normal_(head.weight, std=0.5)
    torch.nn.init.zeros_(head.bias)
    with torch.no_grad():
        head.bias[tokenizer.convert_tokens_to_ids('"')] = -50.0
        head.bias[tokenizer.convert_tokens_to_ids("n")] = -60.0  # it would rather open a string than say null
    model.set_output_embeddings(head)
    return model


def writer(model, tokenizer, max_new_tokens, *, is_constrained=True, batch_size=4):
    options = generation_options(model, tokenizer, DecodingRequest(max_new_tokens, batch_size, is_constrained))
    return Writer(model, tokenizer, options)


@pytest.mark.parametrize("max_new_tokens", [1, 130, 400])
def test_every_constrained_answer_of_a_random_model_is_a_whole_record(model, tokenizer, max_new_tokens):
    answers = raw_answers(writer(model, tokenizer, max_new_tokens), prompts_of(tokenizer))
    assert len(answers) == len(NOTES)
    for answer in answers:
        assert parse_answer(answer.text).is_valid
        assert list(json.loads(answer.text)) == list(FIELDS)


def test_without_the_grammar_a_random_model_writes_no_record(model, tokenizer):
    answers = raw_answers(writer(model, tokenizer, 130, is_constrained=False), prompts_of(tokenizer))
    assert not any(parse_answer(answer.text).is_valid for answer in answers)


def test_a_value_that_would_never_end_is_ended_at_the_bound(talkative, tokenizer, monkeypatch):
    bound = 20  # the real one would take minutes, byte by byte
    monkeypatch.setattr("training.grammar.LONGEST_VALUE_CHARACTERS", bound)
    monkeypatch.setattr("extraction.closing.LONGEST_VALUE_CHARACTERS", bound)
    answers = raw_answers(writer(talkative, tokenizer, 700), prompts_of(tokenizer))
    values = [value for answer in answers for value in json.loads(answer.text).values() if value]
    assert max(map(len, values)) == bound
    assert not any("\ufffd" in value for value in values)
    assert not any(answer.ended_by_itself for answer in answers)


def test_streamed_answers_are_those_of_the_whole_batch(model, tokenizer):
    ready = writer(model, tokenizer, 60)
    streamed = sorted(stream_raw_answers(ready, prompts_of(tokenizer)), key=lambda answer: answer.index)
    assert streamed == raw_answers(ready, prompts_of(tokenizer))


@pytest.mark.parametrize("batch_size", [2, 16])
def test_an_answer_does_not_depend_on_its_neighbours(model, tokenizer, batch_size):
    prompts = prompts_of(tokenizer)
    stop_ids = frozenset({2, 40, 90, 130})
    alone = [greedy_answers(model, [prompt], GenerationOptions(90, 1, stop_ids))[0].ids for prompt in prompts]
    together = greedy_answers(model, prompts, GenerationOptions(90, batch_size, stop_ids))
    assert [answer.ids for answer in together] == alone


def test_the_grammar_takes_the_answers_that_the_dataset_teaches(model, tokenizer):
    grammar = writer(model, tokenizer, 16).options.grammar
    record = ExtractionRecord(**dict.fromkeys(FIELDS) | {"biomarker": "\u03b1-fetoprotein 12; ER-positive, PR <1%"})
    state = grammar.begin()
    for token in tokenizer(record.answer(), add_special_tokens=False)["input_ids"]:
        logits = torch.zeros(1, model.config.vocab_size)
        grammar.mask(logits, [state])
        assert logits[0, token] == 0
        grammar.accept(state, token)
    assert state.is_complete
