"""Greedy answers: batches sorted by length, a key-value cache, and rows that leave the batch as they finish.

Token for token what transformers' own `generate` gives in fp32, but for the way out of a list that repeats itself.
It is written out because `generate` carries finished rows along to the end of the longest answer.

Shapes: B rows still running, T prompt tokens with padding on the left, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import Cache, DynamicCache, PreTrainedTokenizerBase

from training.collation import PADDING_ID
from training.loops import is_looping
from training.models import CausalModel, merged_adapter

PromptIds = Sequence[int]


@dataclass(frozen=True)
class GenerationOptions:
    """How far and how many at once."""

    max_new_tokens: int
    batch_size: int
    stop_ids: frozenset[int]
    way_out_id: int | None = None
    """The token that ends a value which repeats itself without end; None lets it go on, as `generate` does."""


def stop_ids_of(model: CausalModel, tokenizer_eos_id: int) -> frozenset[int]:
    """Return every token that ends an answer: the tokenizer's and those of the model's generation settings."""
    configured = model.generation_config.eos_token_id
    listed = configured if isinstance(configured, list) else [configured]
    return frozenset({tokenizer_eos_id, *(token for token in listed if token is not None)})


def way_out_of(tokenizer: PreTrainedTokenizerBase) -> int | None:
    """Return the token that ends a JSON string and begins the next key; None when the vocabulary has no single one."""
    ids = tokenizer.encode('","', add_special_tokens=False)
    return int(ids[0]) if len(ids) == 1 else None


@torch.inference_mode()
def greedy_answers(
    model: CausalModel,
    prompts: Sequence[PromptIds],
    options: GenerationOptions,
    on_token: Callable[[float], None] = lambda _share: None,
) -> list[list[int]]:
    """Return the answers' token ids in the order of the prompts, without the stop token.

    `on_token` is told after each token which share of the work is done at least.
    """
    answers: list[list[int]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    with merged_adapter(model):
        for start in range(0, len(order), options.batch_size):
            batch = order[start : start + options.batch_size]
            decoding = Decoding(model, [prompts[index] for index in batch])
            for step in range(options.max_new_tokens):
                if not decoding.advance(options.stop_ids, options.way_out_id):
                    break
                on_token((start + len(batch) * step / options.max_new_tokens) / len(order))
            for index, answer in zip(batch, decoding.answers, strict=True):
                answers[index] = answer
    on_token(1.0)
    return answers


class Decoding:
    """One batch on its way: the cache, the rows that still run, and what they have said so far."""

    def __init__(self, model: CausalModel, prompts: Sequence[PromptIds]) -> None:
        self.answers: list[list[int]] = [[] for _ in prompts]
        self._model = model
        self._cache: Cache = DynamicCache(config=model.config)
        self._next_ids_BT, self._mask_BT = _pad_left(prompts, model.device)
        self._rows = list(range(len(prompts)))

    def advance(self, stop_ids: frozenset[int], way_out_id: int | None = None) -> bool:
        """Add one token to every running row and let finished rows go; return whether any still runs."""
        chosen_B = self._choose()
        if way_out_id is not None:
            for place, row in enumerate(self._rows):
                if is_looping([*self.answers[row], int(chosen_B[place])]):
                    chosen_B[place] = way_out_id
        running = [place for place, token in enumerate(chosen_B.tolist()) if token not in stop_ids]
        for place in running:
            self.answers[self._rows[place]].append(int(chosen_B[place]))
        if running and len(running) < len(self._rows):
            kept_B = torch.tensor(running, device=chosen_B.device)
            self._cache.batch_select_indices(kept_B)
            self._mask_BT, chosen_B = self._mask_BT[kept_B], chosen_B[kept_B]
        self._rows = [self._rows[place] for place in running]
        self._next_ids_BT = chosen_B[:, None]
        self._mask_BT = torch.cat([self._mask_BT, self._mask_BT.new_ones(len(chosen_B), 1)], dim=1)
        return bool(running)

    def _choose(self) -> Tensor:
        """Return the likeliest next token of each running row; the cache takes in the newest ones."""
        positions_BT = (self._mask_BT.cumsum(dim=1) - 1).clamp(min=0)
        output = self._model(
            input_ids=self._next_ids_BT,
            attention_mask=self._mask_BT,
            position_ids=positions_BT[:, -self._next_ids_BT.shape[1] :],
            past_key_values=self._cache,
            use_cache=True,
            logits_to_keep=1,
        )
        return output.logits[:, -1].argmax(dim=-1)


def _pad_left(prompts: Sequence[PromptIds], device: torch.device) -> tuple[Tensor, Tensor]:
    width = max(map(len, prompts))
    ids_BT = torch.full((len(prompts), width), PADDING_ID)
    mask_BT = torch.zeros((len(prompts), width), dtype=torch.long)
    for row, prompt in enumerate(prompts):
        ids_BT[row, width - len(prompt) :] = torch.tensor(prompt)
        mask_BT[row, width - len(prompt) :] = 1
    return ids_BT.to(device), mask_BT.to(device)
