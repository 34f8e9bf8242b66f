"""Tokens are counted through the model's own template and tokenizer, prompt and answer together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from extraction.prompt import messages
from extraction.schema import FIELDS, DatasetRecord, ExtractionRecord
from fine_tune_slm.errors import TokenizerUnusableError
from fine_tune_slm.token_counter import TokenCounter

tokenizers = pytest.importorskip("tokenizers")
TEMPLATE = (
    "{{ bos_token }}Today: {{ date_string }}\n"
    "{% for message in messages %}<|turn|>{{ message['role'] }}\n{{ message['content'] }}<|end|>{% endfor %}\n"
    "{% if add_generation_prompt %}\n<|turn|>assistant\n{% endif %}"
)
RECORD = DatasetRecord(
    input="Synthetic note.", output=ExtractionRecord.model_validate(dict.fromkeys(FIELDS) | {"stage": "IV"})
)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A directory with a tokenizer of single bytes and a template like Llama's."""
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.BPE(vocab={letter: index for index, letter in enumerate(alphabet)}, merges=[])
    )
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(["<|begin|>", "<|turn|>", "<|end|>"])
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    settings = {"chat_template": TEMPLATE, "bos_token": {"content": "<|begin|>"}}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return tmp_path


def test_a_record_has_the_tokens_of_prompt_answer_and_one_stop(model: Path) -> None:
    turns = sum(1 + len(turn["role"]) + 1 + len(turn["content"]) + 1 for turn in messages(RECORD.input))
    prompt = 1 + len("Today: 26 Jul 2024\n") + turns + 1 + len("assistant\n")
    assert TokenCounter(model).count(RECORD) == prompt + len(RECORD.output.answer()) + 1


def test_a_template_in_a_file_of_its_own_comes_first(model: Path) -> None:
    before = TokenCounter(model).count(RECORD)
    (model / "chat_template.jinja").write_text("12345" + TEMPLATE, encoding="utf-8")
    assert TokenCounter(model).count(RECORD) == before + 5


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("tokenizer.json", "{"),
        ("tokenizer.json", None),
        ("tokenizer_config.json", "[]"),
        ("tokenizer_config.json", "{}"),
        ("tokenizer_config.json", '{"chat_template": "{% if %}"}'),
    ],
)
def test_a_directory_that_is_no_tokenizer_is_refused(model: Path, name: str, content: str | None) -> None:
    (model / name).unlink() if content is None else (model / name).write_text(content, encoding="utf-8")
    with pytest.raises(TokenizerUnusableError):
        TokenCounter(model)


def test_a_template_that_writes_no_answer_is_refused(model: Path) -> None:
    (model / "chat_template.jinja").write_text("{{ messages[0]['content'] }}", encoding="utf-8")
    with pytest.raises(TokenizerUnusableError, match="chat template cannot be used"):
        TokenCounter(model).count(RECORD)
