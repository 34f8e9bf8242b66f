"""Greedy answers: prompts of like length together, and a new prompt takes the place of each answer that has ended.

Unconstrained, token for token what transformers' own `generate` gives in fp32; with a grammar, always valid JSON.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from training.decoding import Decoder
from training.grammar import AnswerGrammar, RowState
from training.models import CausalModel, merged_adapter

PromptIds = Sequence[int]
# new prompts wait until this share of the rows is free: reading several at once costs less than one by one
FREE_SHARE_BEFORE_ADMITTING = 0.25
# prompts are read together only while the shorter are at least so long: the rest would be padding
LIKE_LENGTH = 0.85


@dataclass(frozen=True)
class GenerationOptions:
    """How far, how many at once, and in which form."""

    max_new_tokens: int
    batch_size: int
    stop_ids: frozenset[int]
    grammar: AnswerGrammar | None = None
    """What an answer may look like; None lets the model write anything, as `generate` does."""


@dataclass
class Answer:
    """What the model wrote to one prompt, without the stop token."""

    index: int
    ids: list[int] = field(default_factory=list)
    is_complete: bool = False
    """It is a whole record, as the grammar has it; always False without a grammar."""
    has_stopped: bool = False
    """The model itself chose a stop token, not the grammar or the budget."""


def stop_ids_of(model: CausalModel, tokenizer_eos_id: int) -> frozenset[int]:
    """Return every token that ends an answer: the tokenizer's and those of the model's generation settings."""
    configured = model.generation_config.eos_token_id
    listed = configured if isinstance(configured, list) else [configured]
    return frozenset({tokenizer_eos_id, *(token for token in listed if token is not None)})


def greedy_answers(
    model: CausalModel,
    prompts: Sequence[PromptIds],
    options: GenerationOptions,
    on_step: Callable[[float], None] = lambda _share: None,
) -> list[Answer]:
    """Return the answers in the order of the prompts.

    `on_step` is told after each step which share of the answers is written at least.
    """
    finished = sorted(stream_answers(model, prompts, options, on_step), key=lambda answer: answer.index)
    on_step(1.0)
    return finished


@torch.inference_mode()
def stream_answers(
    model: CausalModel,
    prompts: Sequence[PromptIds],
    options: GenerationOptions,
    on_step: Callable[[float], None] = lambda _share: None,
) -> Iterator[Answer]:
    """Yield each answer as it ends."""
    with merged_adapter(model):
        batch = _Batch(Decoder(model, min(options.batch_size, len(prompts)), shared_beginning(prompts)), options)
        waiting = deque(sorted(range(len(prompts)), key=lambda index: -len(prompts[index])))
        ended = 0
        while waiting or batch.rows:
            if waiting and batch.has_room:
                while waiting and batch.free_rows:
                    joining = _next_of_like_length(waiting, prompts, batch.free_rows)
                    batch.admit(joining, [prompts[index] for index in joining])
            else:
                batch.advance()
            for answer in batch.take_finished():
                ended += 1
                yield answer
            on_step(ended / len(prompts))


def shared_beginning(prompts: Sequence[PromptIds]) -> PromptIds:
    """Return the ids with which all prompts begin, one less than the shortest prompt at most; none of a single one."""
    if len(prompts) < 2:
        return ()
    first, last = min(map(tuple, prompts)), max(map(tuple, prompts))
    longest = min(map(len, prompts)) - 1
    same = next((place for place in range(longest) if first[place] != last[place]), longest)
    return first[:same]


def _next_of_like_length(waiting: deque[int], prompts: Sequence[PromptIds], most: int) -> list[int]:
    """Take the next prompts, longest first, that can be read together almost without padding."""
    shortest = LIKE_LENGTH * len(prompts[waiting[0]])
    taken: list[int] = []
    while waiting and len(taken) < most and len(prompts[waiting[0]]) >= shortest:
        taken.append(waiting.popleft())
    return taken


@dataclass
class _Row:
    answer: Answer
    state: RowState | None
    is_over: bool = False


class _Batch:
    """The answers that are being written."""

    def __init__(self, decoder: Decoder, options: GenerationOptions) -> None:
        self.rows: list[_Row] = []
        self._decoder = decoder
        self._options = options

    @property
    def free_rows(self) -> int:
        """How many prompts may join."""
        return self._options.batch_size - len(self.rows)

    @property
    def has_room(self) -> bool:
        """Whether enough rows are free for new prompts to be read."""
        return not self.rows or self.free_rows >= self._options.batch_size * FREE_SHARE_BEFORE_ADMITTING

    def admit(self, indices: Sequence[int], prompts: Sequence[PromptIds]) -> None:
        """Read prompts and write the first token of each answer."""
        grammar = self._options.grammar
        joining = [_Row(Answer(index), grammar.begin() if grammar else None) for index in indices]
        self.rows += joining
        self._write(joining, self._decoder.admit(prompts))

    def advance(self) -> None:
        """Write one more token of every answer."""
        self._write(self.rows, self._decoder.advance([row.answer.ids[-1] for row in self.rows]))

    def take_finished(self) -> list[Answer]:
        """Return the answers that have ended, and make their rows free."""
        finished = [row.answer for row in self.rows if row.is_over]
        if finished:
            order = self._decoder.keep([place for place, row in enumerate(self.rows) if not row.is_over])
            self.rows = [self.rows[place] for place in order]
        return finished

    def _write(self, rows: Sequence[_Row], logits_BV: Tensor) -> None:
        grammar = self._options.grammar
        if grammar is not None:
            grammar.mask(logits_BV, [row.state for row in rows if row.state is not None])
        for row, token in zip(rows, logits_BV.argmax(dim=-1).tolist(), strict=True):
            row.answer.has_stopped = token in self._options.stop_ids
            row.is_over = row.answer.has_stopped or row.answer.is_complete
            if row.is_over:
                continue
            row.answer.ids.append(token)
            if grammar is not None and row.state is not None:
                grammar.accept(row.state, token)
                row.answer.is_complete = row.state.is_complete
            # a complete answer has one more step: whether the model would stop by itself
            row.is_over = len(row.answer.ids) >= self._options.max_new_tokens
