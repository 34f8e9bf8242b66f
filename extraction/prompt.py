"""How a model is asked: the chat messages of one note and their rendering through the model's own chat template.

Training, evaluation and the command line all render here, so that a model is never asked in words that it was not
trained on. This file knows tokenizers only through the protocol below and must not import transformers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from extraction.schema import FIELDS, INSTRUCTION, ExtractionRecord

SYSTEM = f"Reply with JSON only: {', '.join(FIELDS)}."
# Llama 3 templates print today's date; a prompt that changes overnight would make caches and comparisons worthless.
DATE_STRING = "26 Jul 2024"
PROMPT_VERSION = hashlib.sha256("\n".join((SYSTEM, INSTRUCTION, DATE_STRING)).encode()).hexdigest()[:16]
_CONTROL_TOKEN = re.compile(r"<\|(?=\w+\|>)")

Message = dict[str, str]


class ChatTokenizer(Protocol):
    """The part of a Hugging Face tokenizer that rendering needs."""

    @property
    def all_special_ids(self) -> Sequence[int]:
        """Return the ids of tokens that are no text."""

    def apply_chat_template(self, conversation: list[Message], **options: Any) -> Any:
        """Return the conversation as text, when `tokenize=False`."""

    def __call__(self, text: str, **options: Any) -> Any:
        """Return an encoding whose `input_ids` are the tokens of the text."""


class ChatTemplateError(ValueError):
    """A chat template that does not let prompt and answer be told apart."""


@dataclass(frozen=True)
class RenderedExample:
    """One training example as token ids; the answer ends with the token at which generation stops."""

    prompt_ids: list[int]
    answer_ids: list[int]


def messages(note: str) -> list[Message]:
    """Return the conversation that asks for the record of one note.

    All that precedes the note is the same for every note and ends on a newline, so that it tokenises alike alone and
    joined. Control tokens that someone typed into a note are broken up: a note cannot end its own turn.
    """
    harmless = _CONTROL_TOKEN.sub("< |", note.strip())
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": f"{INSTRUCTION}\n{harmless}"}]


def prompt_text(tokenizer: ChatTokenizer, note: str) -> str:
    """Return the text that a model continues with its answer."""
    return _as_text(tokenizer, messages(note), add_generation_prompt=True)


def prompt_ids(tokenizer: ChatTokenizer, note: str) -> list[int]:
    """Return the tokens that a model continues with its answer, with exactly the BOS that the template writes."""
    return _token_ids(tokenizer, prompt_text(tokenizer, note))


def shared_prefix_ids(tokenizer: ChatTokenizer) -> list[int]:
    """Return the tokens with which every prompt begins, whatever the note."""
    marker = "NOTE"
    before, _, _ = prompt_text(tokenizer, marker).rpartition(marker)
    return _token_ids(tokenizer, before)


def render_example(tokenizer: ChatTokenizer, note: str, record: ExtractionRecord) -> RenderedExample:
    """Return prompt and answer tokens of one training example.

    Raises: ChatTemplateError when the template rewrites the prompt once an answer follows, or ends it with no token.
    """
    prompt = prompt_text(tokenizer, note)
    answer = record.answer()
    whole = _as_text(tokenizer, [*messages(note), {"role": "assistant", "content": answer}])
    if not whole.startswith(prompt + answer):
        raise ChatTemplateError("The chat template renders a prompt differently once its answer follows.")
    stop_ids = _token_ids(tokenizer, whole[len(prompt) + len(answer) :])
    if not stop_ids or stop_ids[0] not in tokenizer.all_special_ids:
        raise ChatTemplateError("The chat template does not end an answer with a special token.")
    return RenderedExample(_token_ids(tokenizer, prompt), [*_token_ids(tokenizer, answer), stop_ids[0]])


def _as_text(tokenizer: ChatTokenizer, conversation: list[Message], *, add_generation_prompt: bool = False) -> str:
    text = tokenizer.apply_chat_template(
        conversation, tokenize=False, add_generation_prompt=add_generation_prompt, date_string=DATE_STRING
    )
    return str(text)


def _token_ids(tokenizer: ChatTokenizer, text: str) -> list[int]:
    ids: Sequence[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return list(ids)
