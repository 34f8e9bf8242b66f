from __future__ import annotations

import json

import pytest
from slm_core.records import dataset_digest, sha256_of

from fine_tune_slm.dataset_check import check_dataset

SECRET = "Jane Roe of Springfield"


def problems(directory) -> list[str]:
    return [str(problem) for problem in check_dataset(directory).problems]


def replace_line(path, number: int, line: bytes) -> None:
    lines = path.read_bytes().split(b"\n")
    lines[number - 1] = line
    path.write_bytes(b"\n".join(lines))


def good_line(directory) -> dict:
    return json.loads((directory / "train.jsonl").read_text().splitlines()[0])


def test_a_sound_dataset_has_no_problem_and_is_named_by_its_files(dataset):
    checked = check_dataset(dataset)
    assert checked.problems == ()
    names = ("train.jsonl", "validation.jsonl")
    assert checked.digest == dataset_digest({name: sha256_of(dataset / name) for name in names})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (f'{{"input": "{SECRET}"'.encode(), "no valid JSON"),
        (b"", "the line is blank"),
        (b'{"input": "\xff"}', "no valid UTF-8 (byte 12"),
        (f'["{SECRET}"]'.encode(), "train.jsonl:2: not a JSON object"),
        (f'{{"input": "{SECRET}", "input": "twice"}}'.encode(), "a key appears twice"),
    ],
)
def test_a_broken_line_is_named_by_file_and_line_and_never_quoted(dataset, rewrite_manifest, line, reason):
    replace_line(dataset / "train.jsonl", 2, line)
    rewrite_manifest(dataset)
    [problem] = problems(dataset)
    assert problem.startswith("train.jsonl:2: ")
    assert reason in problem
    assert "Jane" not in problem


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"stage": ""}, "output.stage"),
        ({"stage": 4}, "output.stage"),
        ({"grade": SECRET}, "output.grade: unknown key"),
        ({SECRET: "x"}, "(a key of 23 characters)"),
    ],
)
def test_a_record_outside_the_schema_is_refused_by_key_and_reason(dataset, rewrite_manifest, change, reason):
    record = good_line(dataset)
    record["output"] |= change
    replace_line(dataset / "train.jsonl", 3, json.dumps(record).encode())
    rewrite_manifest(dataset)
    [problem] = problems(dataset)
    assert reason in problem
    assert "Jane" not in problem


def test_a_missing_field_is_refused(dataset, rewrite_manifest):
    record = good_line(dataset)
    del record["output"]["response"]
    replace_line(dataset / "validation.jsonl", 1, json.dumps(record | {"input": "other"}).encode())
    rewrite_manifest(dataset)
    assert problems(dataset) == ["validation.jsonl:1: output.response: Field required. Correct or remove this line"]


def test_a_note_that_is_trained_and_evaluated_on_is_refused(dataset, rewrite_manifest):
    replace_line(dataset / "validation.jsonl", 2, json.dumps(good_line(dataset)).encode())
    rewrite_manifest(dataset)
    [problem] = problems(dataset)
    assert problem.startswith("validation.jsonl:2: the same note is line 1 of train.jsonl")


def test_a_file_that_was_changed_after_the_manifest_is_refused(dataset):
    path = dataset / "train.jsonl"
    path.write_bytes(path.read_bytes().replace(b"note 1", b"note 9"))
    assert problems(dataset) == [
        "train.jsonl: its SHA-256 is not the one in the manifest. Write the manifest again from the files as they are"
    ]


def test_all_problems_are_told_at_once(dataset):
    (dataset / "validation.jsonl").unlink()
    (dataset / "challenge.jsonl").write_bytes(b"")
    replace_line(dataset / "train.jsonl", 1, b"{")
    told = problems(dataset)
    for expected in (
        "validation.jsonl: the file is missing",
        "train.jsonl:1: no valid JSON",
        "challenge.jsonl: the file is empty",
        "validation.jsonl: named in the manifest but not there",
        "challenge.jsonl: not named in the manifest",
    ):
        assert any(problem.startswith(expected) for problem in told), expected


@pytest.mark.parametrize("content", [None, b"{", b"[]", b'{"files": {"train.jsonl": {"sha256": "x", "records": 0}}}'])
def test_a_missing_or_broken_manifest_is_refused(dataset, content):
    path = dataset / "manifest.json"
    path.unlink() if content is None else path.write_bytes(content)
    assert any(problem.startswith("manifest.json") for problem in problems(dataset))
