"""How a published adapter is loaded: the same lines in its card and in its run's report. Pure."""

from __future__ import annotations

from slm_core.records import RunSpec


def loading_code(spec: RunSpec, revision: str | None = None) -> str:
    """Return the Python lines that load base model, adapter and tokenizer, each at its revision where it is known."""
    base, repo = spec.base_model, spec.hub.publish_repo
    pinned = f', revision="{revision}"' if revision else ""
    return "\n".join(
        (
            "from peft import PeftModel",
            "from transformers import AutoModelForCausalLM, AutoTokenizer",
            "",
            "base = AutoModelForCausalLM.from_pretrained(",
            f'    "{base.repo_id}", revision="{base.revision}"',
            ")",
            f'model = PeftModel.from_pretrained(base, "{repo}"{pinned})',
            f'tokenizer = AutoTokenizer.from_pretrained("{repo}"{pinned})',
        )
    )
