"""The usual recipe: HF Trainer as most guides show it.

Padded batches of four in random order, loss on the whole text, gradient checkpointing, LoRA dropout 0.1.
"""

from __future__ import annotations

from transformers import DataCollatorForLanguageModeling, Trainer, TrainingArguments

from scripts.bench.channel import Channel
from scripts.bench.contenders.ground import ground_of, run_in_turns
from scripts.bench.plan import SAMPLES_PER_STEP, Plan


def run(name: str, plan: Plan, channel: Channel) -> None:
    """Train in turns."""
    ground = ground_of(plan)
    arguments = TrainingArguments(
        **ground.arguments(name),
        per_device_train_batch_size=SAMPLES_PER_STEP,
        activation_checkpointing=True,
        activation_checkpointing_kwargs={"use_reentrant": False},
    )
    examples = [{"input_ids": [*record.prompt_ids, *record.answer_ids]} for record in ground.train]
    trainer = Trainer(
        model=ground.model(lora_dropout=0.1),
        args=arguments,
        train_dataset=examples,  # type: ignore[arg-type]
        data_collator=DataCollatorForLanguageModeling(ground.tokenizer, mlm=False),
    )
    run_in_turns(trainer, ground, channel, SAMPLES_PER_STEP)
