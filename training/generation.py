"""Greedy answers: batches sorted by length, a key-value cache, and rows that leave the batch as they finish.

Token for token what transformers' own `generate` gives in fp32; it is written out because `generate` keeps finished rows
to the end, which costs half of the time when a few answers are long.

Shapes: B rows still running, T prompt tokens with padding on the left, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import Cache, DynamicCache

from training.collation import PADDING_ID
from training.models import CausalModel

PromptIds = Sequence[int]


@dataclass(frozen=True)
class GenerationOptions:
    """How far and how many at once."""

    max_new_tokens: int
    batch_size: int
    stop_ids: frozenset[int]


def stop_ids_of(model: CausalModel, tokenizer_eos_id: int) -> frozenset[int]:
    """Return every token that ends an answer: the tokenizer's and those of the model's generation settings."""
    configured = model.generation_config.eos_token_id
    listed = configured if isinstance(configured, list) else [configured]
    return frozenset({tokenizer_eos_id, *(token for token in listed if token is not None)})


@torch.inference_mode()
def greedy_answers(
    model: CausalModel, prompts: Sequence[PromptIds], options: GenerationOptions, on_batch: Callable[[int], None]
) -> list[list[int]]:
    """Return the answers' token ids in the order of the prompts, without the stop token.

    `on_batch` is told after each batch how many prompts are answered.
    """
    answers: list[list[int]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    for start in range(0, len(order), options.batch_size):
        batch = order[start : start + options.batch_size]
        for index, answer in zip(batch, _answer_batch(model, [prompts[i] for i in batch], options), strict=True):
            answers[index] = answer
        on_batch(start + len(batch))
    return answers


def _answer_batch(model: CausalModel, prompts: Sequence[PromptIds], options: GenerationOptions) -> list[list[int]]:
    cache: Cache = DynamicCache(config=model.config)
    input_ids_BT, mask_BT = _pad_left(prompts, model.device)
    answers: list[list[int]] = [[] for _ in prompts]
    rows = list(range(len(prompts)))
    next_ids_BT = input_ids_BT
    for _ in range(options.max_new_tokens):
        chosen_B = _choose(model, next_ids_BT, mask_BT, cache)
        running = []
        for place, token in enumerate(chosen_B.tolist()):
            if token not in options.stop_ids:
                answers[rows[place]].append(token)
                running.append(place)
        if not running:
            break
        if len(running) < len(rows):
            kept_B = torch.tensor(running, device=model.device)
            cache.batch_select_indices(kept_B)
            mask_BT, chosen_B = mask_BT[kept_B], chosen_B[kept_B]
            rows = [rows[place] for place in running]
        next_ids_BT = chosen_B[:, None]
        mask_BT = torch.cat([mask_BT, mask_BT.new_ones(len(rows), 1)], dim=1)
    return answers


def _choose(model: CausalModel, ids_BT: Tensor, mask_BT: Tensor, cache: Cache) -> Tensor:
    """Return the likeliest next token of each row; the cache takes in the given tokens."""
    positions_BT = (mask_BT.cumsum(dim=1) - 1).clamp(min=0)[:, -ids_BT.shape[1] :]
    output = model(
        input_ids=ids_BT,
        attention_mask=mask_BT,
        position_ids=positions_BT,
        past_key_values=cache,
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
