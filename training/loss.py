"""The loss: cross-entropy on the answer alone, with the vocabulary projection computed at those rows only.

The projection is a fifth of a small Llama's work and most of its memory, and two thirds of all rows belong to the
prompt.

Shapes: B sequences, T tokens, D hidden width, R answer rows, V vocabulary.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint

IGNORED_LABEL = -100
ROWS_PER_CHUNK = 1024


def answer_loss(hidden_BTD: Tensor, labels_BT: Tensor, head: nn.Module, rows_per_chunk: int = ROWS_PER_CHUNK) -> Tensor:
    """Return the summed cross-entropy over the answer tokens; other rows never reach the vocabulary projection.

    Shapes: hidden (B, T, D), labels (B, T) with -100 outside the answer.
    Units: nats; the caller divides by the answer tokens of the whole optimiser step.
    """
    targets_BT = labels_BT[:, 1:]
    is_answer_BT = targets_BT != IGNORED_LABEL
    return rows_loss(hidden_BTD[:, :-1][is_answer_BT], targets_BT[is_answer_BT], head, rows_per_chunk)


def rows_loss(rows_RD: Tensor, targets_R: Tensor, head: nn.Module, rows_per_chunk: int = ROWS_PER_CHUNK) -> Tensor:
    """Return the summed cross-entropy of answer rows, each with the token that follows it.

    Units: nats; the caller divides by the answer tokens of the whole optimiser step.
    """
    chunks = list(zip(rows_RD.split(rows_per_chunk), targets_R.split(rows_per_chunk), strict=True))
    if len(chunks) == 1:
        return _chunk_loss(*chunks[0], head)
    # the logits of a chunk are computed again in the backward pass, so that only one chunk's are ever held
    losses = [checkpoint(_chunk_loss, rows, targets, head, use_reentrant=False) for rows, targets in chunks]
    return torch.stack(losses).sum()


def _chunk_loss(rows_RD: Tensor, targets_R: Tensor, head: nn.Module) -> Tensor:
    logits_RV = head(rows_RD).float()
    return cross_entropy(logits_RV, targets_R, reduction="sum")
