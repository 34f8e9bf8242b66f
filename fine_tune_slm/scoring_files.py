"""Reads gold and predictions for `score`, line beside line; whatever is wrong is told by file and line alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from pydantic import ValidationError
from slm_core.training_config import problems

from extraction.answer_line import EVIDENCE_KEY
from extraction.schema import FIELDS, DatasetRecord
from fine_tune_slm.errors import AnswersUnreadableError
from fine_tune_slm.jsonl import Finding, parse_json, read_lines

_ANSWER = "answer"
_INDEX = "index"
Row = TypeVar("Row")


def read_gold(path: Path) -> list[DatasetRecord]:
    """Return the records of a file in the dataset's schema.

    Raises: AnswersUnreadableError.
    """
    return [record for _, record in _rows(path, DatasetRecord.model_validate)]


def read_answers(path: Path, golds: Sequence[DatasetRecord]) -> list[str]:
    """Return the raw output for each gold record, from any of these on each line.

    A JSON string: the raw output. `{"index", "answer"}`, as `python -m training evaluate --predictions` writes it. A
    dataset record, whose output is the answer. Anything else: an answer in itself, such as the seven-field record; the
    evidence that `extract --evidence` puts beside it is left out.

    Raises: AnswersUnreadableError when lines, numbers or notes do not match the gold file.
    """
    answers: dict[int, str] = {}
    for place, (number, value) in enumerate(_rows(path, lambda value: value)):
        index = value.get(_INDEX, place) if _is_indexed(value) else place
        if type(index) is not int or not 0 <= index < len(golds):
            _refuse(path, number, f"no note of the gold file has its {'index' if _is_indexed(value) else 'place'}")
        if index in answers:
            _refuse(path, number, "the note has an answer already")
        if _is_record(value) and value["input"] != golds[index].input:
            _refuse(path, number, "the note is another one than in the gold file")
        answers[index] = _raw(value)
    if len(answers) != len(golds):
        raise AnswersUnreadableError(f"{path.name} has {len(answers)} answers, the gold file {len(golds)} notes")
    return [answers[index] for index in range(len(golds))]


def _is_indexed(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {_INDEX, _ANSWER} and isinstance(value[_ANSWER], str)


def _is_record(value: Any) -> bool:
    return isinstance(value, dict) and {"input", "output"} <= value.keys() and value.keys().isdisjoint(FIELDS)


def _raw(value: Any) -> str:
    if _is_indexed(value):
        return str(value[_ANSWER])
    if isinstance(value, dict) and value.keys() == {_ANSWER} and isinstance(value[_ANSWER], str):
        return str(value[_ANSWER])
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and value.keys() == {*FIELDS, EVIDENCE_KEY}:
        value = {field: value[field] for field in FIELDS}
    return json.dumps(value["output"] if _is_record(value) else value, ensure_ascii=False)


def _rows(path: Path, parse: Callable[[Any], Row]) -> Iterator[tuple[int, Row]]:
    for line in read_lines(path):
        if isinstance(line, Finding):
            raise AnswersUnreadableError(str(line).rstrip("."))
        try:
            value = parse_json(line.content)
            row = parse(value)
        except ValidationError as error:
            _refuse(path, line.number, problems(error))
        except ValueError as error:
            _refuse(path, line.number, str(error))
        yield line.number, row


def _refuse(path: Path, line: int, what: str) -> NoReturn:
    raise AnswersUnreadableError(f"{path.name}:{line}: {what}") from None
