"""From a model and prompts to the answers' text: what `evaluate`, `extract` and a run's own evaluations share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from transformers import PreTrainedTokenizerFast

from extraction.closing import close_answer, has_cut_value
from extraction.schema import LONGEST_VALUE_CHARACTERS
from training.generation import Answer, GenerationOptions, PromptIds, greedy_answers, stop_ids_of, stream_answers
from training.grammar import EBNF, AnswerGrammar
from training.models import CausalModel


@dataclass(frozen=True)
class RawAnswer:
    """What a model wrote to one note."""

    index: int
    text: str
    ended_by_itself: bool
    """The model chose the stop token, and no value had to be cut."""


@dataclass(frozen=True)
class Manner:
    """How a set of answers was written."""

    is_constrained: bool
    ended_by_itself: float

    @staticmethod
    def of(answers: Sequence[RawAnswer], *, is_constrained: bool) -> Manner:
        """Return the manner of these answers."""
        return Manner(is_constrained, sum(answer.ended_by_itself for answer in answers) / len(answers))


@dataclass(frozen=True)
class Writer:
    """A model that is ready to answer prompts."""

    model: CausalModel
    tokenizer: PreTrainedTokenizerFast
    options: GenerationOptions


@dataclass(frozen=True)
class DecodingRequest:
    """How answers shall be written, before model and tokenizer are known."""

    max_new_tokens: int
    batch_size: int
    is_constrained: bool


def generation_options(
    model: CausalModel, tokenizer: PreTrainedTokenizerFast, request: DecodingRequest
) -> GenerationOptions:
    """Return how this model writes answers."""
    stop_ids = stop_ids_of(model, tokenizer.eos_token_id)
    grammar = AnswerGrammar(tokenizer, model.config.vocab_size, stop_ids) if request.is_constrained else None
    return GenerationOptions(request.max_new_tokens, request.batch_size, stop_ids, grammar)


def raw_answers(
    writer: Writer, prompts: Sequence[PromptIds], on_step: Callable[[float], None] = lambda _share: None
) -> list[RawAnswer]:
    """Return the answers in the order of the prompts; `on_step` is told the share that is done."""
    return [_as_text(writer, answer) for answer in greedy_answers(writer.model, prompts, writer.options, on_step)]


def stream_raw_answers(writer: Writer, prompts: Sequence[PromptIds]) -> Iterator[RawAnswer]:
    """Yield each answer as it ends."""
    for answer in stream_answers(writer.model, prompts, writer.options):
        yield _as_text(writer, answer)


def decoding_form(*, is_constrained: bool) -> str:
    """Return all that decides how answers may look, as part of a cache key."""
    return f"{EBNF}{LONGEST_VALUE_CHARACTERS}" if is_constrained else "free"


def _as_text(writer: Writer, answer: Answer) -> RawAnswer:
    text = str(writer.tokenizer.decode(answer.ids))
    if writer.options.grammar is None:
        return RawAnswer(answer.index, text, answer.has_stopped)
    closed = text if answer.is_complete else close_answer(text)
    return RawAnswer(answer.index, closed, answer.has_stopped and not has_cut_value(text))
