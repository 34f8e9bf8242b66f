"""One batch of answers on its way: a key-value cache whose rows come and go while the others go on.

Rows lie left-aligned in the cache, each with a length of its own, so that prompts of any length may join; what all
prompts begin with is computed once and copied. transformers' DynamicCache copies all keys and values at every token.

Shapes: B rows, H key-value heads, T tokens of this pass, W width of the cache in use, D size of a head, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from transformers import Cache

from training.collation import PADDING_ID
from training.models import CausalModel, decoder_and_head

GROWTH_TOKENS = 64


class RowCache(Cache):
    """Keys and values of rows that are written at places of their own."""

    def __init__(self, rows: int, prefix: RowCache | None = None, prefix_width: int = 0) -> None:
        super().__init__(layers=[])
        self._capacity_rows = rows
        self._prefix, self._prefix_width = prefix, prefix_width
        self._layers: list[tuple[Tensor, Tensor]] = []
        self._width = 0
        self._rows = slice(0, 0)
        self._lengths_B: Tensor | None = None

    def aim_at_block(self, rows: slice, width: int) -> None:
        """Let the next pass fill these rows, after the prefix, up to this width."""
        self._rows, self._width, self._lengths_B = rows, width, None
        self._reserve()

    def aim_at_ends(self, lengths_B: Tensor, width: int) -> None:
        """Let the next pass add one token to each of the first rows, at these places."""
        self._rows, self._width, self._lengths_B = slice(0, len(lengths_B)), width, lengths_B
        self._reserve()

    def move(self, source: int, target: int) -> None:
        """Copy one row over another."""
        for keys_BHWD, values_BHWD in self._layers:
            keys_BHWD[target, :, : self._width] = keys_BHWD[source, :, : self._width]
            values_BHWD[target, :, : self._width] = values_BHWD[source, :, : self._width]

    def update(
        self, key_states: Tensor, value_states: Tensor, layer_idx: int, *_args: Any, **_options: Any
    ) -> tuple[Tensor, Tensor]:
        """Take in a layer's new keys and values; return all of the aimed rows."""
        if layer_idx == len(self._layers):
            self._layers.append((self._allocate(key_states), self._allocate(value_states)))
        stored = self._layers[layer_idx]
        for kind, (all_BHWD, new_BHTD) in enumerate(zip(stored, (key_states, value_states), strict=True)):
            if self._lengths_B is not None:
                all_BHWD[torch.arange(len(new_BHTD), device=new_BHTD.device), :, self._lengths_B] = new_BHTD[:, :, 0]
                continue
            if self._prefix is not None:
                all_BHWD[self._rows, :, : self._prefix_width] = self._prefix._layers[layer_idx][kind][
                    :1, :, : self._prefix_width
                ]
            all_BHWD[self._rows, :, self._prefix_width : self._width] = new_BHTD
        return stored[0][self._rows, :, : self._width], stored[1][self._rows, :, : self._width]

    def _allocate(self, like_BHTD: Tensor) -> Tensor:
        # zeros: attention multiplies what it masks by nought, and that must not be NaN
        _, heads, _, size = like_BHTD.shape
        return like_BHTD.new_zeros(self._capacity_rows, heads, _rounded(self._width), size)

    def _reserve(self) -> None:
        if self._layers and self._layers[0][0].shape[2] < self._width:
            self._layers = [(self._grown(keys), self._grown(values)) for keys, values in self._layers]

    def _grown(self, old_BHWD: Tensor) -> Tensor:
        grown_BHWD = self._allocate(old_BHWD)
        grown_BHWD[:, :, : old_BHWD.shape[2]] = old_BHWD
        return grown_BHWD


class Decoder:
    """The model with a cache: prompts are admitted, and every running row moves on by one token."""

    def __init__(self, model: CausalModel, rows: int, prefix: Sequence[int]) -> None:
        self._decoder, self._head = decoder_and_head(model)
        self._device, self._dtype = model.device, model.dtype
        self._prefix_width = len(prefix)
        self._cache = RowCache(rows, self._run_prefix(prefix) if prefix else None, len(prefix))
        self.lengths: list[int] = []

    def admit(self, prompts: Sequence[Sequence[int]]) -> Tensor:
        """Read prompts into new rows and return the logits after each.

        Shapes: returns BV.
        """
        start = len(self.lengths)
        own = [prompt[self._prefix_width :] for prompt in prompts]
        widest = max(map(len, own))
        ids_BT = torch.tensor([[*ids, *[PADDING_ID] * (widest - len(ids))] for ids in own], device=self._device)
        self._cache.aim_at_block(slice(start, start + len(own)), self._prefix_width + widest)
        hidden_BTD = self._pass(ids_BT, self._block_positions(widest), self._block_mask(widest))
        self.lengths += [len(prompt) for prompt in prompts]
        last_B = torch.tensor([len(ids) - 1 for ids in own], device=self._device)
        return self._logits(hidden_BTD[torch.arange(len(own), device=self._device), last_B])

    def advance(self, token_ids: Sequence[int]) -> Tensor:
        """Add one token to every row and return the logits after it.

        Shapes: returns BV.
        """
        lengths_B = torch.tensor(self.lengths, device=self._device)
        width = max(self.lengths) + 1
        self._cache.aim_at_ends(lengths_B, width)
        ids_BT = torch.tensor(token_ids, device=self._device)[:, None]
        hidden_BTD = self._pass(ids_BT, lengths_B[:, None], self._ragged_mask(lengths_B, width))
        self.lengths = [length + 1 for length in self.lengths]
        return self._logits(hidden_BTD[:, 0])

    def keep(self, places: Sequence[int]) -> list[int]:
        """Let go of all other rows; return the old place of each row at its new place."""
        kept = set(places)
        order = list(range(len(places)))
        movers = [place for place in places if place >= len(places)]
        for hole in (place for place in order if place not in kept):
            order[hole] = movers.pop()
            self._cache.move(order[hole], hole)
        self.lengths = [self.lengths[place] for place in order]
        return order

    def _run_prefix(self, prefix: Sequence[int]) -> RowCache:
        cache = RowCache(1)
        cache.aim_at_block(slice(0, 1), len(prefix))
        self._decoder(
            input_ids=torch.tensor([prefix], device=self._device),
            position_ids=torch.arange(len(prefix), device=self._device)[None],
            past_key_values=cache,
            use_cache=True,
        )
        return cache

    def _pass(self, ids_BT: Tensor, positions_BT: Tensor, mask_B1TW: Tensor | None) -> Tensor:
        return self._decoder(
            input_ids=ids_BT,
            attention_mask=mask_B1TW,
            position_ids=positions_BT,
            past_key_values=self._cache,
            use_cache=True,
        )[0]

    def _logits(self, hidden_BD: Tensor) -> Tensor:
        return self._head(hidden_BD).float()

    def _block_positions(self, widest: int) -> Tensor:
        return torch.arange(self._prefix_width, self._prefix_width + widest, device=self._device)[None]

    def _block_mask(self, widest: int) -> Tensor:
        is_later_TW = torch.ones(widest, self._prefix_width + widest, dtype=torch.bool, device=self._device)
        return self._additive(is_later_TW.triu(self._prefix_width + 1)[None, None])

    def _ragged_mask(self, lengths_B: Tensor, width: int) -> Tensor | None:
        if min(self.lengths) == max(self.lengths):
            return None
        places_W = torch.arange(width, device=self._device)
        return self._additive((places_W[None] > lengths_B[:, None])[:, None, None])

    def _additive(self, is_hidden: Tensor) -> Tensor:
        return torch.zeros(is_hidden.shape, dtype=self._dtype, device=self._device).masked_fill(
            is_hidden, torch.finfo(self._dtype).min
        )


def _rounded(width: int) -> int:
    return -(-width // GROWTH_TOKENS) * GROWTH_TOKENS
