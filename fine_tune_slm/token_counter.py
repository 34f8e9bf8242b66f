"""Counts the tokens of a training example as the training code will, without importing torch or transformers.

The chat template is rendered by jinja2 with the settings of transformers, the text is cut by `tokenizers`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2.exceptions import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from extraction.prompt import ChatTemplateError, Message, render_example
from extraction.schema import DatasetRecord
from fine_tune_slm.errors import TokenizerUnusableError

TOKENIZER_NAME = "tokenizer.json"


class TokenCounter:
    """A model's tokenizer and chat template, loaded from its directory."""

    def __init__(self, directory: Path) -> None:
        """Load both.

        Raises: TokenizerUnusableError.
        """
        try:
            from tokenizers import Tokenizer  # noqa: PLC0415 - comes with the extra `training`

            self._tokenizer = Tokenizer.from_file(str(directory / TOKENIZER_NAME))
            self._template = _environment().from_string(_chat_template(directory))
        except ImportError:
            raise TokenizerUnusableError("The package tokenizers is not installed") from None
        except (OSError, ValueError, KeyError, TemplateError) as error:
            raise TokenizerUnusableError(
                f"No tokenizer with a chat template is there: {type(error).__name__}"
            ) from None
        except Exception as error:  # noqa: BLE001 - the Rust library raises Exception itself
            raise TokenizerUnusableError(f"{TOKENIZER_NAME} cannot be read: {type(error).__name__}") from None
        added = self._tokenizer.get_added_tokens_decoder()
        self.all_special_ids: Sequence[int] = [number for number, token in added.items() if token.special]
        self._bos = _special_token(directory, "bos_token")

    def count(self, record: DatasetRecord) -> int:
        """Return how many tokens prompt and answer of a record have.

        Raises: TokenizerUnusableError when its chat template does not let prompt and answer be told apart.
        """
        try:
            example = render_example(self, record.input, record.output)
        except (ChatTemplateError, TemplateError) as error:
            raise TokenizerUnusableError(f"The chat template cannot be used: {type(error).__name__}") from None
        return len(example.prompt_ids) + len(example.answer_ids)

    def apply_chat_template(self, conversation: list[Message], **options: Any) -> str:
        """Return the conversation as text."""
        options.pop("tokenize", None)
        return str(self._template.render(messages=conversation, bos_token=self._bos, **options))

    def __call__(self, text: str, **options: Any) -> dict[str, list[int]]:
        """Return the token ids of a text."""
        encoding = self._tokenizer.encode(text, add_special_tokens=bool(options.get("add_special_tokens", True)))
        return {"input_ids": encoding.ids}


def _environment() -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"], autoescape=False
    )
    environment.filters["tojson"] = lambda value, **options: json.dumps(value, ensure_ascii=False, **options)
    return environment


def _chat_template(directory: Path) -> str:
    path = directory / "chat_template.jinja"
    return path.read_text(encoding="utf-8") if path.is_file() else str(_settings(directory)["chat_template"])


def _special_token(directory: Path, name: str) -> str:
    token = _settings(directory).get(name) or ""
    return str(token.get("content", "")) if isinstance(token, dict) else str(token)


def _settings(directory: Path) -> dict[str, Any]:
    path = directory / "tokenizer_config.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}
