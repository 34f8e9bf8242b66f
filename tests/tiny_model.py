"""The smallest Llama there is: random weights, a byte-level tokenizer, and an adapter that knows one answer."""

from __future__ import annotations

from pathlib import Path

from extraction.schema import DatasetRecord

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SEED = 7
PROJECT = Path(__file__).resolve().parents[1]


def write_tiny_model(directory: Path) -> Path:
    """Write a random Llama of two small layers with its tokenizer and chat template."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from tokenizers.decoders import ByteLevel
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    backend = Tokenizer(
        models.BPE(vocab={piece: index for index, piece in enumerate([*special, *alphabet])}, merges=[])
    )
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        chat_template=CHAT_TEMPLATE,
    )
    tokenizer.save_pretrained(directory)
    config = LlamaConfig(
        vocab_size=len(special) + len(alphabet),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=2048,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        LlamaForCausalLM(config).save_pretrained(directory)
    return directory


def learn_by_heart(model_directory: Path, record: DatasetRecord, scratch: Path, steps: int = 400) -> Path:
    """Return the directory of an adapter with which the tiny model gives one answer, whatever it is asked."""
    import torch
    from slm_core.training_config import load_training_config

    from training.checkpoints import CheckpointStore
    from training.collation import StepDataset
    from training.encoding import encode_records
    from training.engine import Companions, make_trainer, run_training
    from training.heartbeat import SilentHeartbeat
    from training.interruption import Interruption
    from training.models import add_adapter, load_model, load_tokenizer

    options = load_training_config(PROJECT / "config" / "training_config.local.yml").training
    changes = {"lora_rank": 32, "learning_rate": 0.01, "checkpoint_steps": 1000, "checkpoint_minutes": 10}
    options = options.model_copy(update=changes)
    model = add_adapter(load_model(model_directory, torch.float32), options)
    data = StepDataset(encode_records(load_tokenizer(model_directory), [record]), [((0,),)] * steps)
    companions = Companions(CheckpointStore(scratch / "checkpoints", {}, 1), SilentHeartbeat(), Interruption())
    run_training(make_trainer(model, data, options, companions), None, companions.interruption)
    model.save_pretrained(str(scratch / "adapter"), save_embedding_layers=False)
    return scratch / "adapter"
