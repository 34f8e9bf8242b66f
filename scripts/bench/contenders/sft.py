"""TRL's SFTTrainer with the options that serve it best on a CPU: the only module that imports trl.

Its default is bf16 even on a CPU, a sixteenth of fp32's speed there, so that is off; so is checkpointing. Loss on the
answers alone, as ours. Three ways: padded and grouped by length, packed, and flattened without padding.
"""

from __future__ import annotations

from typing import Any

from datasets import Dataset
from trl import SFTConfig, SFTTrainer

from scripts.bench.channel import Channel
from scripts.bench.contenders.ground import Ground, ground_of, run_in_turns
from scripts.bench.plan import SAMPLES_PER_STEP, Plan
from training.loss import IGNORED_LABEL

PACK_TOKENS = 1024  # TRL's default, and about four notes
OPTIONS: dict[str, dict[str, Any]] = {
    "sft-padded": {
        "per_device_train_batch_size": SAMPLES_PER_STEP,
        "max_length": None,
        "train_sampling_strategy": "group_by_length",
    },
    "sft-packed": {"per_device_train_batch_size": 1, "max_length": PACK_TOKENS, "packing": True},
    "sft-padding-free": {
        "per_device_train_batch_size": SAMPLES_PER_STEP,
        "max_length": None,
        "padding_free": True,
        "train_sampling_strategy": "group_by_length",
    },
}


def run(name: str, plan: Plan, channel: Channel) -> None:
    """Train in turns."""
    ground = ground_of(plan)
    options = OPTIONS[name]
    arguments = SFTConfig(**ground.arguments(name), **options, activation_checkpointing=False)
    trainer = SFTTrainer(
        model=ground.model(),
        args=arguments,
        train_dataset=_tokenised(ground),
        processing_class=ground.tokenizer,
    )
    run_in_turns(trainer, ground, channel, options["per_device_train_batch_size"])


def _tokenised(ground: Ground) -> Dataset:
    """Return the samples as the very tokens that the others see, with labels on the answers."""
    return Dataset.from_list(
        [
            {
                "input_ids": [*record.prompt_ids, *record.answer_ids],
                "labels": [IGNORED_LABEL] * len(record.prompt_ids) + list(record.answer_ids),
            }
            for record in ground.train
        ]
    )
