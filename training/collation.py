"""Records as padded tensors, for evaluation, and the steps of a plan as a dataset of packed ones, for training."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypedDict

import torch
from torch import Tensor
from torch.utils.data import Dataset

from training.batching import Step
from training.encoding import EncodedRecord
from training.loss import IGNORED_LABEL
from training.packing import PackedTensors, pack

# the attention mask hides padding and labels are set by position, so any id will do: many tokenizers have no pad token,
# and in some it is the stop token, which a mask made from ids would hide
PADDING_ID = 0


class MicroBatchTensors(TypedDict):
    """Shapes: all (B, T)."""

    input_ids: Tensor
    attention_mask: Tensor
    labels: Tensor


class StepInputs(TypedDict):
    """One optimiser step."""

    micro_batches: list[PackedTensors]


def pad_right(records: Sequence[EncodedRecord]) -> MicroBatchTensors:
    """Return records as tensors; labels stand only on the answer, its stop token included."""
    width = max(len(record) for record in records)
    shape = (len(records), width)
    batch = MicroBatchTensors(
        input_ids=torch.full(shape, PADDING_ID),
        attention_mask=torch.zeros(shape, dtype=torch.long),
        labels=torch.full(shape, IGNORED_LABEL),
    )
    for row, record in enumerate(records):
        batch["input_ids"][row, : len(record)] = torch.tensor([*record.prompt_ids, *record.answer_ids])
        batch["attention_mask"][row, : len(record)] = 1
        batch["labels"][row, len(record.prompt_ids) : len(record)] = torch.tensor(record.answer_ids)
    return batch


class StepDataset(Dataset[StepInputs]):
    """The plan's steps in their order: item i is what optimiser step i is computed from."""

    def __init__(self, records: Sequence[EncodedRecord], steps: Sequence[Step]) -> None:
        self._records = records
        self._steps = steps

    def __len__(self) -> int:
        return len(self._steps)

    def __getitem__(self, index: int) -> StepInputs:
        micro_batches = [[self._records[item] for item in micro_batch] for micro_batch in self._steps[index]]
        return StepInputs(micro_batches=[pack(records) for records in micro_batches])


def only_item(items: Sequence[Any]) -> Any:
    """Return the single item of a loader's batch: a step is a batch already."""
    return items[0]
