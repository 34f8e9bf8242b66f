"""`evaluate` and `extract` of the command line: a model, perhaps an adapter, and notes from a file or stdin."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from slm_core.errors import DatasetInvalidError
from transformers import PreTrainedTokenizerFast

from extraction.parser import parse_answer
from extraction.prompt import prompt_ids
from extraction.schema import FIELDS
from extraction.scores import ScoreReport, score
from training.dataset import even_sample, read_records
from training.evaluation import as_evaluation
from training.generation import GenerationOptions, greedy_answers, stop_ids_of, way_out_of
from training.models import CausalModel, load_adapter, load_model, load_tokenizer


@dataclass(frozen=True)
class Extractor:
    """A loaded model that answers notes."""

    model: CausalModel
    tokenizer: PreTrainedTokenizerFast
    options: GenerationOptions

    def answer(self, notes: Sequence[str]) -> list[str]:
        """Return the raw answers in the order of the notes."""
        prompts = [prompt_ids(self.tokenizer, note) for note in notes]
        return [str(self.tokenizer.decode(ids)) for ids in greedy_answers(self.model, prompts, self.options)]


@dataclass(frozen=True)
class EvaluationRequest:
    """What `evaluate` is asked to do."""

    dataset: Path
    limit: int | None
    predictions: Path | None
    is_json: bool


def load_extractor(model: Path, adapter: Path | None, max_new_tokens: int, batch_size: int) -> Extractor:
    """Return a model that is ready to answer.

    Raises: BaseModelCorruptError.
    """
    has_bf16 = torch.cuda.is_available() and torch.cuda.is_bf16_supported()
    base = load_model(model, torch.bfloat16 if has_bf16 else torch.float32)
    tokenizer = load_tokenizer(model)
    options = GenerationOptions(
        max_new_tokens, batch_size, stop_ids_of(base, tokenizer.eos_token_id), way_out_of(tokenizer)
    )
    return Extractor(base if adapter is None else load_adapter(base, adapter), tokenizer, options)


def evaluate_file(extractor: Extractor, request: EvaluationRequest) -> str:
    """Return the scores on a dataset file, as a table or as JSON; raw answers go to the predictions file, if named.

    Raises: DatasetInvalidError.
    """
    records = even_sample(read_records(request.dataset), request.limit)
    notes = [record.input for record in records]
    started = time.monotonic()
    answers = extractor.answer(notes)
    seconds = time.monotonic() - started
    report = score([record.output for record in records], answers, notes)
    if request.predictions is not None:
        rows = ({"index": index, "answer": answer} for index, answer in enumerate(answers))
        request.predictions.write_text(_jsonl(rows), encoding="utf-8")
    return as_evaluation(report, seconds).model_dump_json(indent=2) if request.is_json else _table(report)


def extract_notes(extractor: Extractor, notes: Sequence[str]) -> Iterable[str]:
    """Yield one line of JSON for each note: its seven fields, null where nothing was found."""
    for answer in extractor.answer(notes):
        record = parse_answer(answer).record or {}
        yield json.dumps({field: record.get(field) for field in FIELDS}, ensure_ascii=False)


def read_notes(text: str, *, is_jsonl: bool) -> list[str]:
    """Return the notes of an input: the whole text, or the `input` (or string) of each JSON line.

    Raises: DatasetInvalidError naming the lines that hold no note.
    """
    if not is_jsonl:
        return [text] if text.strip() else []
    notes, bad_lines = [], []
    for number, line in enumerate(text.rstrip("\n").split("\n"), start=1):
        note = _note_of(line)
        if note is None:
            bad_lines.append(number)
        else:
            notes.append(note)
    if bad_lines:
        raise DatasetInvalidError(f"No note at line {', '.join(map(str, bad_lines[:20]))}")
    return notes


def _note_of(line: str) -> str | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    note = value.get("input") if isinstance(value, dict) else value
    return note if isinstance(note, str) and note.strip() else None


def _jsonl(rows: Iterable[dict[str, object]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _table(report: ScoreReport) -> str:
    lines = [f"{'field':<18}{'precision':>10}{'recall':>10}{'F1':>10}    95 % interval"]
    for name, field in report.fields.items():
        interval = f"{field.f1_interval.low:.3f} to {field.f1_interval.high:.3f}"
        lines.append(f"{name:<18}{field.precision:>10.3f}{field.recall:>10.3f}{field.f1:>10.3f}    {interval}")
    interval = f"{report.macro_f1_interval.low:.3f} to {report.macro_f1_interval.high:.3f}"
    lines.append(f"{'macro mean':<38}{report.macro_f1:>10.3f}    {interval}")
    lines.append(
        f"{report.samples} notes; records exact {report.record_exact:.1%}; valid JSON {report.json_valid:.1%}; "
    )
    return "\n".join(lines) + f"unsupported items {report.ungrounded_rate:.1%}"
