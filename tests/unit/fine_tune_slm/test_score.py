"""`score`: every form of answer, mismatches by file and line, and tables that say what the report says."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from extraction.answer_line import evidenced_line
from extraction.comparison import compare
from extraction.parser import record_of
from extraction.schema import FIELDS, INSTRUCTION
from extraction.scores import score
from fine_tune_slm.errors import AnswersUnreadableError
from fine_tune_slm.score_view import show_comparison, show_scores
from fine_tune_slm.scoring_files import read_answers, read_gold

NOTES = ["Jane Roe has stage IV melanoma.", "Synthetic note two: stage II breast cancer."]
LABELS = [{"cancer_type": "melanoma", "stage": "IV"}, {"cancer_type": "breast cancer", "stage": "II"}]
OUTPUTS = [dict.fromkeys(FIELDS) | label for label in LABELS]


def written(path: Path, rows: list[object]) -> Path:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    rows = [{"instruction": INSTRUCTION, "input": n, "output": o} for n, o in zip(NOTES, OUTPUTS, strict=True)]
    return written(tmp_path / "gold.jsonl", list(rows))


@pytest.mark.parametrize(
    "rows",
    [
        OUTPUTS,
        [json.dumps(output) for output in OUTPUTS],
        [{"index": index, "answer": json.dumps(OUTPUTS[index])} for index in (1, 0)],
        [{"answer": json.dumps(output)} for output in OUTPUTS],
        [{"input": n, "output": o} for n, o in zip(NOTES, OUTPUTS, strict=True)],
        [json.loads(evidenced_line(record_of(o), n)) for n, o in zip(NOTES, OUTPUTS, strict=True)],
    ],
    ids=[
        "records",
        "raw strings",
        "evaluate's predictions in any order",
        "answers",
        "dataset records",
        "with evidence",
    ],
)
def test_every_form_of_the_right_answers_scores_one(tmp_path: Path, gold: Path, rows: list[object]) -> None:
    golds = read_gold(gold)
    answers = read_answers(written(tmp_path / "answers.jsonl", rows), golds)
    report = score([record.output for record in golds], answers, NOTES, bootstrap=5)
    assert (report.macro_f1, report.record_exact, report.json_valid, report.omission_rate) == (1.0, 1.0, 1.0, 0.0)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (OUTPUTS[:1], "answers.jsonl has 1 answers, the gold file 2 notes"),
        ([*OUTPUTS, OUTPUTS[0]], "answers.jsonl:3: no note of the gold file has its place"),
        ([{"index": 5, "answer": "{}"}, "{}"], "answers.jsonl:1: no note of the gold file has its index"),
        ([{"index": True, "answer": "{}"}, "{}"], "answers.jsonl:1: no note of the gold file has its index"),
        ([{"index": 1, "answer": "{}"}] * 2, "answers.jsonl:2: the note has an answer already"),
        ([{"input": "Jane", "output": {}}, {}], "answers.jsonl:1: the note is another one than in the gold file"),
    ],
)
def test_answers_to_other_notes_are_refused_by_line(tmp_path: Path, gold: Path, rows: list[object], said: str) -> None:
    with pytest.raises(AnswersUnreadableError) as refused:
        read_answers(written(tmp_path / "answers.jsonl", rows), read_gold(gold))
    assert said in str(refused.value)
    assert "Jane" not in str(refused.value)


@pytest.mark.parametrize(
    "content", [b"Jane Roe\n", b'{"Jane": 1, "Jane": 2}\n', b"\xff\n", b"", b"\x1f\x8b\x08\x00Jane"]
)
def test_files_that_are_no_json_lines_are_refused(tmp_path: Path, gold: Path, content: bytes) -> None:
    path = tmp_path / "answers.jsonl"
    path.write_bytes(content)
    for read in (read_gold, lambda path: read_answers(path, read_gold(gold))):
        with pytest.raises(AnswersUnreadableError, match=r"^answers.jsonl") as refused:
            read(path)
        assert "Jane" not in str(refused.value)


def test_the_tables_show_scores_nulls_mistakes_and_the_difference(gold: Path) -> None:
    golds = [record.output for record in read_gold(gold)]
    wrong = [json.dumps(OUTPUTS[0] | {"stage": None, "treatment": "ipilimumab"}), "no answer"]
    right = [json.dumps(output) for output in OUTPUTS]
    stream = io.StringIO()
    console = Console(file=stream, width=100)
    show_scores(score(golds, wrong, NOTES, bootstrap=20), console)
    show_comparison(compare(golds, right, wrong, bootstrap=20), console)
    lines = [" ".join(said.split()) for said in stream.getvalue().splitlines()]
    assert "stage 0.000 0.000 to 0.000 0.000 0.000 0.000 0.000" in lines
    assert "treatment 1 1 0 0 100.0 % 0.0 %" in lines
    assert "null hallucination 1 treatment 1" in lines
    assert "JSON valid 50.0 %" in lines
    assert "F1 stage +1.000 +1.000 to +1.000 better" in lines
    assert "F1 response +0.000 +0.000 to +0.000 no clear difference" in lines
