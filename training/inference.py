"""`evaluate` of the command line, and the loading of a model, perhaps with an adapter, that `extract` shares."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from extraction.prompt import prompt_ids
from extraction.scores import ScoreReport, score
from training.answering import DecodingRequest, Manner, Writer, generation_options, raw_answers
from training.dataset import even_sample, read_records
from training.models import load_adapter, load_model, load_tokenizer, without_adapter
from training.score_records import as_evaluation


@dataclass(frozen=True)
class ModelRequest:
    """Which model answers, and how."""

    model: Path
    adapter: Path | None
    max_new_tokens: int
    batch_size: int
    is_constrained: bool


@dataclass(frozen=True)
class EvaluationRequest:
    """What `evaluate` is asked to do."""

    dataset: Path
    limit: int | None
    predictions: Path | None
    is_json: bool


def load_writer(request: ModelRequest) -> Writer:
    """Return a model that is ready to answer.

    Raises: BaseModelCorruptError.
    """
    has_bf16 = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    base = load_model(request.model, torch.bfloat16 if has_bf16 else torch.float32)
    tokenizer = load_tokenizer(request.model)
    model = base if request.adapter is None else without_adapter(load_adapter(base, request.adapter))
    manner = DecodingRequest(request.max_new_tokens, request.batch_size, request.is_constrained)
    return Writer(model, tokenizer, generation_options(model, tokenizer, manner))


def evaluate_file(writer: Writer, request: EvaluationRequest) -> str:
    """Return the scores on a dataset file, as a table or as JSON; raw answers go to the predictions file, if named.

    Raises: DatasetInvalidError.
    """
    records = even_sample(read_records(request.dataset), request.limit)
    notes = [record.input for record in records]
    started = time.monotonic()
    answers = raw_answers(writer, [prompt_ids(writer.tokenizer, note) for note in notes])
    seconds = time.monotonic() - started
    report = score([record.output for record in records], [answer.text for answer in answers], notes)
    if request.predictions is not None:
        rows = ({"index": answer.index, "answer": answer.text} for answer in answers)
        request.predictions.write_text(_jsonl(rows), encoding="utf-8")
    manner = Manner.of(answers, is_constrained=writer.options.grammar is not None)
    if request.is_json:
        return as_evaluation(report, seconds, manner).model_dump_json(indent=2)
    return _table(report, manner)


def _jsonl(rows: Iterable[dict[str, object]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _table(report: ScoreReport, manner: Manner) -> str:
    lines = [f"{'field':<18}{'precision':>10}{'recall':>10}{'F1':>10}    95 % interval"]
    for name, field in report.fields.items():
        interval = f"{field.f1_interval.low:.3f} to {field.f1_interval.high:.3f}"
        lines.append(f"{name:<18}{field.precision:>10.3f}{field.recall:>10.3f}{field.f1:>10.3f}    {interval}")
    interval = f"{report.macro_f1_interval.low:.3f} to {report.macro_f1_interval.high:.3f}"
    lines.append(f"{'macro mean':<38}{report.macro_f1:>10.3f}    {interval}")
    how = "constrained" if manner.is_constrained else "unconstrained"
    lines.append(
        f"{report.samples} notes; records exact {report.record_exact:.1%}; valid JSON {report.json_valid:.1%} ({how}); "
        f"ended by itself {manner.ended_by_itself:.1%}; unsupported items {report.ungrounded_rate:.1%}"
    )
    return "\n".join(lines)
