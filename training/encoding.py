"""Dataset records as token ids, with the bound on their length held before any training. It must not import torch."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from slm_core.errors import BaseModelCorruptError, DatasetInvalidError

from extraction.prompt import ChatTemplateError, ChatTokenizer, render_example
from extraction.schema import DatasetRecord


@dataclass(frozen=True)
class EncodedRecord:
    """Token ids of one record; the answer ends with the stop token."""

    prompt_ids: tuple[int, ...]
    answer_ids: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.prompt_ids) + len(self.answer_ids)


def encode(tokenizer: ChatTokenizer, records: Iterable[DatasetRecord]) -> Iterator[EncodedRecord]:
    """Yield each record, encoded.

    Raises: BaseModelCorruptError when the chat template cannot be used.
    """
    for record in records:
        try:
            example = render_example(tokenizer, record.input, record.output)
        except ChatTemplateError as error:
            raise BaseModelCorruptError(str(error)) from error
        yield EncodedRecord(tuple(example.prompt_ids), tuple(example.answer_ids))


def encode_records(
    tokenizer: ChatTokenizer, records: Iterable[DatasetRecord], max_tokens: int | None = None
) -> list[EncodedRecord]:
    """Return the encoded records.

    Raises: DatasetInvalidError when one is longer than the bound, BaseModelCorruptError.
    """
    encoded = list(encode(tokenizer, records))
    if max_tokens is not None:
        refuse_longer([len(record) for record in encoded], max_tokens)
    return encoded


def refuse_longer(lengths: Sequence[int], max_tokens: int) -> None:
    """Return when no record is longer than the bound: an answer is never cut.

    Raises: DatasetInvalidError with a count.
    """
    if too_long := sum(length > max_tokens for length in lengths):
        raise DatasetInvalidError(
            f"{too_long} of {len(lengths)} records are longer than {max_tokens} tokens (the longest has {max(lengths)})"
        )


def digest_of(records: Sequence[EncodedRecord]) -> str:
    """Return the SHA-256 over all ids: tokenizer, template, notes and answers in one number."""
    ids = [[record.prompt_ids, record.answer_ids] for record in records]
    return hashlib.sha256(json.dumps(ids).encode()).hexdigest()
