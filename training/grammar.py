"""What an answer may look like, as a mask over the vocabulary: seven keys in order, each null or a bounded string.

xgrammar's own bounded repetition is far too slow here, so the grammar leaves strings unbounded and each row counts
its characters: from the bound on only tokens that begin with the closing quote remain. Strings hold neither quotes nor
backslashes: no value needs them, and without escapes a quote always ends a string. Special
tokens are forbidden by name: xgrammar would take <|endoftext|> for thirteen letters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import xgrammar
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from extraction.schema import FIELDS, LONGEST_VALUE_CHARACTERS

_PAIRS = ' "," '.join(f'"\\"{name}\\":" value' for name in FIELDS)
EBNF = rf"""
root ::= "{{" {_PAIRS} "}}"
value ::= "null" | "\"" first character* "\""
first ::= [!#-\[\]-~\u00a1-\ud7ff]
character ::= [ !#-\[\]-~\u00a1-\ud7ff]
"""


@dataclass
class RowState:
    """Where one answer stands in the grammar."""

    matcher: xgrammar.GrammarMatcher
    characters_since_quote: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether the answer has its closing brace."""
        return self.matcher.is_completed()


class AnswerGrammar:
    """The compiled grammar of one vocabulary."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, vocabulary_size: int, stop_ids: frozenset[int]) -> None:
        tokens = xgrammar.TokenizerInfo.from_huggingface(
            tokenizer, vocab_size=vocabulary_size, stop_token_ids=sorted(stop_ids)
        )
        self._vocabulary_size = vocabulary_size
        self._compiled = xgrammar.GrammarCompiler(tokens, max_threads=1).compile_grammar(EBNF)
        self._batch = xgrammar.BatchGrammarMatcher(max_threads=1)
        self._lengths = _Lengths.of(tokens.decoded_vocab)
        special = {number for number, token in tokenizer.added_tokens_decoder.items() if token.special} | stop_ids
        self._text = self._as_bits([number not in special for number in range(len(tokens.decoded_vocab))])
        self._closing = self._as_bits([piece.startswith(b'"') for piece in tokens.decoded_vocab])

    def begin(self) -> RowState:
        """Return the state of an answer of which nothing is written."""
        return RowState(xgrammar.GrammarMatcher(self._compiled))

    def mask(self, logits_BV: Tensor, rows: Sequence[RowState]) -> None:
        """Set to minus infinity what the grammar forbids; a complete row keeps all its logits.

        Shapes: one row of logits_BV for each state.
        """
        writing = [place for place, row in enumerate(rows) if not row.is_complete]
        if not writing:
            return
        bits = xgrammar.allocate_token_bitmask(len(rows), self._vocabulary_size)
        self._batch.batch_fill_next_token_bitmask([rows[place].matcher for place in writing], bits, writing)
        for place in writing:
            bits[place] &= self._text
            if rows[place].characters_since_quote >= LONGEST_VALUE_CHARACTERS:
                bits[place] = self._only_closing(bits[place])
        xgrammar.apply_token_bitmask_inplace(logits_BV, bits.to(logits_BV.device), vocab_size=self._vocabulary_size)

    def accept(self, row: RowState, token_id: int) -> None:
        """Move a row on by a token that the mask allowed."""
        row.matcher.accept_token(token_id)
        before = 0 if self._lengths.has_quote[token_id] else row.characters_since_quote
        row.characters_since_quote = before + self._lengths.characters[token_id]

    def _only_closing(self, bits: Tensor) -> Tensor:
        """Return the allowed tokens that begin with a quote; all allowed ones in the middle of a character."""
        closing = bits & self._closing
        return closing if bool(closing.any()) else bits

    def _as_bits(self, is_set: Sequence[bool]) -> Tensor:
        padded = torch.zeros(-(-self._vocabulary_size // 32) * 32, dtype=torch.int64)
        padded[: len(is_set)] = torch.tensor(is_set, dtype=torch.int64)
        return (padded.view(-1, 32) << torch.arange(32)).sum(dim=1).to(torch.int32)


@dataclass(frozen=True)
class _Lengths:
    """How each token moves the count of characters since the last quote."""

    has_quote: list[bool]
    characters: list[int]

    @staticmethod
    def of(pieces: Sequence[bytes]) -> _Lengths:
        tails = (piece.rpartition(b'"')[2] for piece in pieces)
        # continuation bytes of UTF-8 begin no character
        characters = [sum(byte & 0xC0 != 0x80 for byte in tail) for tail in tails]
        return _Lengths([b'"' in piece for piece in pieces], characters)
