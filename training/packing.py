"""A micro-batch as one row of tokens: no padding, and what all its records begin with is computed once.

Every note follows the same instruction, a sixth of all tokens. In a causal model the hidden states of a shared
beginning are the same for every record, so its rows are kept once and get the sum of all records' gradients. Only the
attention sees records: it lays the rows out as (records, tokens), where padding stands behind each record and causality
hides it, so that it needs no mask and takes the fast kernels of CPU and GPU.

Source: docs/decisions/0016-packed-micro-batches.md

Shapes: N rows, B records, T tokens of the longest record, H heads, K key heads, D head width, R answer rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import takewhile
from typing import Any, TypedDict

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from training.encoding import EncodedRecord

PACKED_ATTENTION = "packed"


class PackedTensors(TypedDict):
    """A micro-batch; `row_of` says which row stands at a record's token, `place_of` where a row stands among those."""

    input_ids: Tensor
    """(1, N)"""
    position_ids: Tensor
    """(1, N)"""
    row_of: Tensor
    """(B, T)"""
    place_of: Tensor
    """(N,)"""
    answer_rows: Tensor
    """(R,): the rows whose next token is learned."""
    targets: Tensor
    """(R,)"""
    tokens: int
    """Tokens of the records, each beginning counted."""


def pack(records: Sequence[EncodedRecord]) -> PackedTensors:
    """Return the records as one row of tokens, their common beginning first."""
    shared = _shared_length(records)
    width = max(len(record) for record in records)
    sequences = [[*record.prompt_ids, *record.answer_ids] for record in records]
    ids, positions, places = sequences[0][:shared], list(range(shared)), list(range(shared))
    row_of = torch.zeros(len(records), width, dtype=torch.long)
    row_of[:, :shared] = torch.arange(shared)
    answer_rows: list[int] = []
    for number, (record, sequence) in enumerate(zip(records, sequences, strict=True)):
        first_row, length = len(ids), len(sequence)
        row_of[number, shared:length] = torch.arange(first_row, first_row + length - shared)
        # the row before a token predicts it
        answer_rows += row_of[number, len(record.prompt_ids) - 1 : length - 1].tolist()
        ids += sequence[shared:]
        positions += range(shared, length)
        places += range(number * width + shared, number * width + length)
    return PackedTensors(
        input_ids=torch.tensor([ids]),
        position_ids=torch.tensor([positions]),
        row_of=row_of,
        place_of=torch.tensor(places),
        answer_rows=torch.tensor(answer_rows),
        targets=torch.tensor([token for record in records for token in record.answer_ids]),
        tokens=sum(len(record) for record in records),
    )


def packed_hidden_states(decoder: nn.Module, batch: PackedTensors) -> Tensor:
    """Return the hidden states of the answer rows; call it, and its backward pass, within `packed_attention`.

    Shapes: (R, hidden width).
    """
    output = decoder(
        input_ids=batch["input_ids"],
        position_ids=batch["position_ids"],
        use_cache=False,
        row_of=batch["row_of"],
        place_of=batch["place_of"],
    )
    rows: Tensor = output.last_hidden_state[0].index_select(0, batch["answer_rows"])
    return rows


@contextmanager
def packed_attention(decoder: Any) -> Iterator[None]:
    """Let the decoder attend within packed records for the block's time."""
    usual = decoder.config._attn_implementation
    decoder.config._attn_implementation = PACKED_ATTENTION
    try:
        yield
    finally:
        decoder.config._attn_implementation = usual


def _attend(
    _module: nn.Module, query_1HND: Tensor, key_1KND: Tensor, value_1KND: Tensor, _mask: None, **options: Any
) -> tuple[Tensor, None]:
    row_of, place_of = options["row_of"], options["place_of"]

    def by_record(states_1HND: Tensor) -> Tensor:
        rows_NHD = states_1HND[0].transpose(0, 1)
        return rows_NHD.index_select(0, row_of.flatten()).unflatten(0, row_of.shape).transpose(1, 2)

    attended_BHTD = scaled_dot_product_attention(
        by_record(query_1HND),
        by_record(key_1KND),
        by_record(value_1KND),
        dropout_p=options["dropout"],
        is_causal=True,
        scale=options["scaling"],
        enable_gqa=True,
    )
    rows_NHD = attended_BHTD.transpose(1, 2).flatten(0, 1).index_select(0, place_of)
    return rows_NHD.unsqueeze(0), None


def _shared_length(records: Sequence[EncodedRecord]) -> int:
    """Return how many tokens all prompts have in common, at most all but the last of any: that one predicts."""
    columns = zip(*(record.prompt_ids[:-1] for record in records), strict=False)
    return sum(1 for _ in takewhile(lambda column: len(set(column)) == 1, columns))


AttentionInterface.register(PACKED_ATTENTION, _attend)
