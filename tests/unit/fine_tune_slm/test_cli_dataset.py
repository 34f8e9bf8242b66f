"""The verbs of `dataset` and `score` from outside: what they write and print, and their exit codes."""

from __future__ import annotations

import inspect
import json
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casebook import gates as casebook_gates
from casebook.gates import Gate
from casebook.generate import DEFAULT_SEED
from casebook.generate import generate as write_dataset
from extraction.schema import FIELDS
from fine_tune_slm import cli, dataset_review
from fine_tune_slm.commands import dataset as verbs

SIZES = ["--seed", "7", "--train", "5", "--validation", "2", "--challenge", "2"]


def run(arguments: list[str]) -> int:
    """Return the exit code of a command line, on a machine that has no local model."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["fine-tune-slm", *arguments])
        patch.setattr(dataset_review, "local_model_directory", lambda root: root / "absent")
        try:
            cli.main()
        except SystemExit as ended:
            return int(ended.code or 0)
    return 0


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small dataset as `dataset generate` writes it."""
    directory = tmp_path_factory.mktemp("generated") / "notes"
    assert run(["dataset", "generate", *SIZES, "--output", str(directory)]) == 0
    return directory


@pytest.mark.parametrize("verb", [["dataset", name] for name in ("generate", "check", "gates", "sample")] + [["score"]])
def test_each_verb_has_help_with_an_example(verb: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*verb, "--help"]) == 0
    assert f"Example: fine-tune-slm {' '.join(verb)}" in capsys.readouterr().out


def test_the_defaults_are_those_of_the_generator() -> None:
    assert verbs.DATASET_SEED == DEFAULT_SEED
    defaults = {name: parameter.default for name, parameter in inspect.signature(verbs.generate).parameters.items()}
    assert (defaults["train"], defaults["validation"], defaults["challenge"]) == (4500, 500, 400)


def test_generate_writes_records_manifest_card_and_provenance(generated: Path) -> None:
    written = {path.relative_to(generated).as_posix() for path in generated.rglob("*") if path.is_file()}
    splits = ("train", "validation", "challenge")
    expected = {f"{split}.jsonl" for split in splits} | {f"provenance/{split}.jsonl" for split in splits}
    assert written == expected | {"manifest.json", "README.md"}
    record = json.loads((generated / "train.jsonl").read_text(encoding="utf-8").splitlines()[0])
    origin = json.loads((generated / "provenance" / "train.jsonl").read_text(encoding="utf-8").splitlines()[0])
    assert all(0 <= start < end <= len(record["input"]) for start, end, _ in origin["spans"])


def test_generate_into_a_file_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "taken").write_text("", encoding="utf-8")
    assert run(["dataset", "generate", *SIZES, "--output", str(tmp_path / "taken")]) == 2
    assert capsys.readouterr().err.startswith("fine-tune-slm: --output cannot be written to: ")


@pytest.mark.parametrize("manifest", [None, '{"files": {}}', "[", '{"synthetic": "yes"}'])
def test_generate_overwrites_nothing_that_it_did_not_write(
    tmp_path: Path, manifest: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "README.md").write_text("mine", encoding="utf-8")
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest, encoding="utf-8")
    assert run(["dataset", "generate", "--output", str(tmp_path)]) == 2
    assert "is not empty and holds no generated dataset" in capsys.readouterr().err
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == "mine"


def test_generate_writes_again_over_what_it_wrote(generated: Path) -> None:
    before = (generated / "train.jsonl").read_bytes()
    assert run(["dataset", "generate", *SIZES, "--output", str(generated)]) == 0
    assert (generated / "train.jsonl").read_bytes() == before


@pytest.mark.parametrize("option", ["--seed", "--train", "--validation", "--challenge"])
def test_another_edition_does_not_take_the_place_of_the_projects_own(
    tmp_path: Path, option: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["dataset", "generate", option, "10"]) == 2
    assert "name a directory for it with --output" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("count", ["0", "200001"])
@pytest.mark.parametrize("split", ["--train", "--validation", "--challenge"])
def test_a_split_of_no_record_or_of_too_many_is_a_mistake(tmp_path: Path, split: str, count: str) -> None:
    assert run(["dataset", "generate", split, count, "--output", str(tmp_path / "notes")]) == 2
    assert not (tmp_path / "notes").exists()


def test_check_counts_the_generated_dataset_and_finds_no_problem(
    generated: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["dataset", "check", str(generated), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["errors"] == 0
    assert {name: counts["records"] for name, counts in told["files"].items()} == {
        "train.jsonl": 5,
        "validation.jsonl": 2,
        "challenge.jsonl": 2,
    }


def test_a_tokenizer_that_is_none_is_a_mistake(
    generated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    assert run(["dataset", "check", str(generated), "--tokenizer", str(tmp_path)]) == 2
    assert "Name a directory with tokenizer.json and a chat template" in capsys.readouterr().err


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=120))
def test_check_of_any_bytes_ends_with_0_or_2_and_no_traceback(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "any.jsonl"
        path.write_bytes(content)
        assert run(["dataset", "check", str(path)]) in {0, 2}


def test_gates_judges_the_files_and_exits_1_when_one_fails(
    generated: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured = [Gate("duplicate notes", 0, 0), Gate("vocabulary of train", 500, 5000, is_minimum=True)]
    monkeypatch.setattr(casebook_gates, "measure", lambda notes: measured if len(notes["train"]) == 5 else [])
    assert run(["dataset", "gates", "--dataset", str(generated)]) == 1
    rows = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "vocabulary of train 500 >= 5000 FAIL" in rows
    assert "duplicate notes 0 <= 0 pass" in rows
    monkeypatch.setattr(casebook_gates, "measure", lambda _notes: measured[:1])
    assert run(["dataset", "gates", "--dataset", str(generated), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["passes"] is True


@pytest.mark.parametrize("changed", ["train.jsonl", "manifest.json"])
def test_gates_refuses_files_that_the_generator_does_not_write(
    generated: Path, tmp_path: Path, changed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in generated.glob("*.json*"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    content = (tmp_path / changed).read_text(encoding="utf-8")
    (tmp_path / changed).write_text(content.replace('"seed": 7', '"seed": 8').replace("cancer", "cancers", 1), "utf-8")
    assert run(["dataset", "gates", "--dataset", str(tmp_path)]) == 2
    assert "train.jsonl is not " in capsys.readouterr().err


def test_gates_of_an_empty_split_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_dataset(tmp_path, seed=7, train=2, validation=0, challenge=1)
    assert run(["dataset", "gates", "--dataset", str(tmp_path)]) == 2
    assert "There is nothing to measure: validation.jsonl without records." in capsys.readouterr().err
    with pytest.raises(casebook_gates.EmptySplitError):
        casebook_gates.measure({"train": [], "validation": [], "challenge": []})


def test_sample_marks_spans_by_field_and_shows_the_labels(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["dataset", "sample", "--genre", "molecular", "--count", "1", "--seed", "3"]) == 0
    told = capsys.readouterr().out
    assert "· molecular ·" in told
    assert "[cancer_type: " in told
    assert all(f"\n{field:<16} " in told for field in FIELDS)


def test_for_machines_a_sample_is_records_with_the_spans_behind_them(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["dataset", "sample", "--genre", "molecular", "--count", "1", "--seed", "3", "--json"]) == 0
    [note] = json.loads(capsys.readouterr().out)["notes"]
    assert note["provenance"]["genre"] == "molecular"
    assert set(note["output"]) == set(FIELDS)
    assert all(0 <= start < end <= len(note["input"]) for start, end, _ in note["provenance"]["spans"])


@pytest.mark.parametrize(("option", "listed"), [("--genre", "radiology"), ("--entity", "melanoma")])
def test_an_unknown_genre_or_entity_is_told_with_the_list(
    option: str, listed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["dataset", "sample", option, "sonnet"]) == 2
    assert listed in capsys.readouterr().err


@pytest.mark.parametrize(("genre", "entity"), [("radiology", "aml"), ("pathology", "hodgkin")])
def test_a_pair_that_no_note_can_be_is_refused_at_once(
    genre: str, entity: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["dataset", "sample", "--genre", genre, "--entity", entity]) == 2
    assert f"There are no notes of the genre {genre} about {entity}" in capsys.readouterr().err


def test_score_of_gold_against_itself_is_one(generated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    gold = str(generated / "train.jsonl")
    assert run(["score", "--gold", gold, "--predictions", gold, "--compare", gold, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["scores"]["macro_f1"] == 1.0
    assert told["comparison"]["macro_f1"]["interval"] == {"low": 0.0, "high": 0.0}


def test_score_of_files_that_do_not_match_is_a_mistake(generated: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [str(generated / name) for name in ("train.jsonl", "challenge.jsonl")]
    assert run(["score", "--gold", files[0], "--predictions", files[1]]) == 2
    [_begins, told] = capsys.readouterr().err.splitlines()
    assert told.startswith("fine-tune-slm: challenge.jsonl:1: the note is another one than in the gold file.")
