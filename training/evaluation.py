"""What a model is worth on held-out records: its greedy answers scored, and its loss on the right answers.

The untuned model's result is kept on the volume under a digest of all that it depends on: it never changes, and its
long prose answers are the slowest of all.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import torch
from loguru import logger
from pydantic import ValidationError
from slm_core.records import Evaluation, Gain
from slm_core.training_config import EvaluationConfig, Frozen
from transformers import PreTrainedTokenizerFast

from extraction.bootstrap import Counts
from extraction.comparison import compare_counts
from extraction.outcomes import note_counts
from extraction.schema import DatasetRecord
from extraction.scores import score
from training.answering import (
    DecodingRequest,
    Manner,
    RawAnswer,
    Writer,
    decoding_form,
    generation_options,
    raw_answers,
)
from training.batching import cut_to_budget
from training.collation import pad_right
from training.durable import write_durably
from training.encoding import EncodedRecord, digest_of, encode_records
from training.loss import answer_loss
from training.models import CausalModel, decoder_and_head
from training.score_records import as_evaluation

# told that work was done, in the keys of slm_core.records.Progress
Beat: TypeAlias = Callable[..., None]


class Measured(Frozen):
    """One model's result; it holds counts and rates only, never a note's text."""

    scores: Evaluation
    held_out_loss: float
    counts: tuple[Counts, ...]
    """Of each note, in order: what a comparison note by note is made from."""


@dataclass(frozen=True)
class Judged:
    """One model's result with the answers that it was judged by; these repeat what notes say."""

    measured: Measured
    answers: list[str]


@dataclass(frozen=True)
class Benchmark:
    """The held-out records and how to run them."""

    records: Sequence[DatasetRecord]
    encoded: Sequence[EncodedRecord]
    tokenizer: PreTrainedTokenizerFast
    options: EvaluationConfig
    max_tokens_per_batch: int

    def digest(self) -> str:
        """Return the digest of tokenizer, template, notes, answers and options."""
        form = decoding_form(is_constrained=self.options.constrained)
        content = f"{digest_of(self.encoded)}/{self.options.max_new_tokens}/{form}"
        return hashlib.sha256(content.encode()).hexdigest()


def make_benchmark(
    records: Sequence[DatasetRecord], tokenizer: PreTrainedTokenizerFast, options: EvaluationConfig, max_tokens: int
) -> Benchmark:
    """Return the benchmark over these records."""
    return Benchmark(records, encode_records(tokenizer, records), tokenizer, options, max_tokens)


def judge(model: CausalModel, benchmark: Benchmark, beat: Beat) -> Judged:
    """Return what the model is worth on the benchmark, with its answers."""
    model.eval()
    loss = held_out_loss(model, benchmark, beat)
    started = time.monotonic()
    answers = answer_all(model, benchmark, beat)
    seconds = time.monotonic() - started
    golds, texts = [record.output for record in benchmark.records], [answer.text for answer in answers]
    report = score(golds, texts, [record.input for record in benchmark.records])
    scores = as_evaluation(report, seconds, Manner.of(answers, is_constrained=benchmark.options.constrained))
    measured = Measured(scores=scores, held_out_loss=loss, counts=tuple(note_counts(golds, texts)))
    return Judged(measured, texts)


def evaluate(model: CausalModel, benchmark: Benchmark, beat: Beat) -> Measured:
    """Return what the model is worth on the benchmark."""
    return judge(model, benchmark, beat).measured


def gain(before: Measured, after: Measured) -> Gain:
    """Return how much better the second is than the first, note by note."""
    compared = compare_counts(after.counts, before.counts)
    return Gain.model_validate(compared.model_dump(include=set(Gain.model_fields)))


def evaluate_once(model: CausalModel, benchmark: Benchmark, beat: Beat, cache: Path) -> Measured:
    """Return what the model is worth, from the cache file when it has been measured before."""
    if (cached := _read_cache(cache)) is not None:
        logger.info("the untuned model's result is in the cache")
        return cached
    measured = evaluate(model, benchmark, beat)
    cache.parent.mkdir(parents=True, exist_ok=True)
    write_durably(cache, measured.model_dump_json().encode())
    return measured


def cache_name(benchmark: Benchmark, base_model_hashes: dict[str, str], precision: str) -> str:
    """Return the cache's file name: a digest of model, data, prompt and precision."""
    content = json.dumps([base_model_hashes, benchmark.digest(), precision], sort_keys=True)
    return f"{hashlib.sha256(content.encode()).hexdigest()}.json"


def answer_all(model: CausalModel, benchmark: Benchmark, beat: Beat) -> list[RawAnswer]:
    """Return the model's raw answers in the order of the records."""
    wanted = benchmark.options
    request = DecodingRequest(wanted.max_new_tokens, wanted.batch_size, wanted.constrained)
    options = generation_options(model, benchmark.tokenizer, request)
    started = time.monotonic()

    def on_step(share_done: float) -> None:
        elapsed = time.monotonic() - started
        left = elapsed * (1 - share_done) / share_done if share_done else None
        beat(step=int(share_done * len(benchmark.records)), seconds_left=left)

    prompts = [record.prompt_ids for record in benchmark.encoded]
    return raw_answers(Writer(model, benchmark.tokenizer, options), prompts, on_step)


@torch.inference_mode()
def held_out_loss(model: CausalModel, benchmark: Benchmark, beat: Beat) -> float:
    """Return the mean cross-entropy over the right answers' tokens.

    Units: nats per answer token.
    """
    lengths = [len(record) for record in benchmark.encoded]
    decoder, head = decoder_and_head(model)
    total = 0.0
    for indices in cut_to_budget(range(len(lengths)), lengths, benchmark.max_tokens_per_batch):
        batch = pad_right([benchmark.encoded[index] for index in indices])
        mask_BT = batch["attention_mask"].to(model.device)
        hidden_BTD = decoder(input_ids=batch["input_ids"].to(model.device), attention_mask=mask_BT, use_cache=False)[0]
        total += answer_loss(hidden_BTD, batch["labels"].to(model.device), head).item()
        beat()
    return total / sum(len(record.answer_ids) for record in benchmark.encoded)


def _read_cache(path: Path) -> Measured | None:
    try:
        return Measured.model_validate_json(path.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
