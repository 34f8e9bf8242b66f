"""The second section: our greedy answers against transformers' `generate`, on the weights that our contender tuned.

Both answer the same chunk of held-out notes in turn, in fp32 with the adapter folded in, batches of the same size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import torch
from peft import PeftModel
from transformers import GenerationConfig

from extraction.prompt import prompt_ids
from scripts.bench.channel import Channel, Stopwatch
from scripts.bench.contenders.ground import ground_of
from scripts.bench.plan import Plan
from training.allocator import keep_freed_memory
from training.generation import GenerationOptions, greedy_answers, stop_ids_of
from training.models import load_adapter, load_model

# evaluation.batch_size of the laptop's configuration; `generate` is no quicker with 16 or 64
BATCH_SIZE = 32

Answer: TypeAlias = Callable[[Sequence[list[int]]], list[list[int]]]


def run(name: str, plan: Plan, channel: Channel) -> None:
    """Answer a chunk of notes at each turn."""
    ground = ground_of(plan)
    base = load_model(Path(plan.model), torch.float32)
    model = load_adapter(base, plan.adapter)
    stop_ids = stop_ids_of(base, ground.tokenizer.eos_token_id)
    prompts = [prompt_ids(ground.tokenizer, record.input) for record in ground.held_out]
    answer = (_ours if name == "generate-ours" else _theirs)(model, plan, stop_ids)
    channel.say("ready")
    for chunk in range(plan.generation_chunks):
        channel.wait()
        watch = Stopwatch()
        answers = answer(prompts[chunk * plan.notes_per_chunk : (chunk + 1) * plan.notes_per_chunk])
        channel.say("round", **watch.read(), answers=answers)


def _ours(model: PeftModel, plan: Plan, stop_ids: frozenset[int]) -> Answer:
    keep_freed_memory()
    options = GenerationOptions(max_new_tokens=plan.max_new_tokens, batch_size=BATCH_SIZE, stop_ids=stop_ids)
    return lambda prompts: [answer.ids for answer in greedy_answers(model, prompts, options)]


def _theirs(model: PeftModel, plan: Plan, stop_ids: frozenset[int]) -> Answer:
    merged: Any = model.merge_and_unload()
    settings = GenerationConfig(
        max_new_tokens=plan.max_new_tokens, do_sample=False, eos_token_id=sorted(stop_ids), pad_token_id=0
    )

    def answer(prompts: Sequence[list[int]]) -> list[list[int]]:
        answers: list[list[int]] = []
        for start in range(0, len(prompts), BATCH_SIZE):
            ids, mask = _pad_left(prompts[start : start + BATCH_SIZE])
            with torch.inference_mode():
                rows = merged.generate(input_ids=ids, attention_mask=mask, generation_config=settings)
            answers += [_until_stop(row[ids.shape[1] :].tolist(), stop_ids) for row in rows]
        return answers

    return answer


def _pad_left(prompts: Sequence[list[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    width = max(map(len, prompts))
    ids = [[0] * (width - len(prompt)) + prompt for prompt in prompts]
    mask = [[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts]
    return torch.tensor(ids), torch.tensor(mask)


def _until_stop(ids: list[int], stop_ids: frozenset[int]) -> list[int]:
    end = next((place for place, token in enumerate(ids) if token in stop_ids), len(ids))
    return ids[:end]
