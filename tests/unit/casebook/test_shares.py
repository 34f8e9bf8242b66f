"""The make-up of the notes: lengths, distractors, noise, inferences and nulls come in the shares of the specification.

The sample has 420 notes, so a share may be off by about two standard errors for chance alone.
"""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from pathlib import Path

import pytest

from casebook.distractors import KINDS
from casebook.fill import LENGTH_SHARES
from casebook.gates import share
from casebook.labels import Tag
from casebook.note import Note
from extraction.schema import FIELDS, DatasetRecord

COMMITTED = Path(__file__).parents[3] / "synthetic-instruction-tuning-dataset" / "train.jsonl"
Sample = dict[str, list[Note]]
DISTRACTORS = {kind: wanted / 100 for kind, wanted, _, _ in KINDS} | {
    "superseded_response": 0.10,
    "superseded_stage": 0.05,
}
NOISE = {"abbreviations": 0.30, "british": 0.20, "typos": 0.12}
NULLS = {
    "stage": 0.20,
    "gene_mutation": 0.35,
    "biomarker": 0.25,
    "treatment": 0.08,
    "response": 0.15,
    "metastasis_site": 0.40,
}


def _tolerance(wanted: float, count: int) -> float:
    """Return two and a half standard errors, and two points for what the laws of cases do to a share."""
    return 2.5 * sqrt(wanted * (1 - wanted) / count) + 0.02


def _assert_share(notes: list[Note], wanted: float, holds: Callable[[Note], bool]) -> None:
    assert share(notes, holds) == pytest.approx(wanted, abs=_tolerance(wanted, len(notes)))


@pytest.mark.parametrize(("bounds", "wanted"), LENGTH_SHARES.items())
def test_a_class_of_lengths_is_as_common_as_wanted(sample: Sample, bounds: tuple[int, int], wanted: float) -> None:
    _assert_share(sample["train"], wanted, lambda note: bounds[0] <= len(note.record.input.split()) < bounds[1])


@pytest.mark.parametrize(("kind", "wanted"), DISTRACTORS.items())
def test_a_kind_of_distractor_is_as_common_as_wanted(sample: Sample, kind: str, wanted: float) -> None:
    _assert_share(sample["train"], wanted, lambda note: kind in note.distractors)


def test_most_notes_carry_a_distractor_and_many_carry_three(sample: Sample) -> None:
    assert share(sample["train"], lambda note: bool(note.distractors)) >= 0.55
    assert share(sample["train"], lambda note: len(note.distractors) > 2) >= 0.15


@pytest.mark.parametrize(("kind", "wanted"), NOISE.items())
def test_a_kind_of_noise_is_as_common_as_wanted(sample: Sample, kind: str, wanted: float) -> None:
    _assert_share(sample["train"], wanted, lambda note: kind in note.noise)


def test_lost_capitals_and_punctuation_are_as_common_as_wanted(sample: Sample) -> None:
    _assert_share(sample["train"], 0.08, lambda note: bool({"lower", "punctuation"} & set(note.noise)))


@pytest.mark.parametrize(("field", "wanted"), NULLS.items())
def test_a_null_is_as_common_as_wanted(sample: Sample, field: str, wanted: float) -> None:
    _assert_share(sample["train"], wanted, lambda note: getattr(note.record.output, field) is None)


def test_a_null_is_about_as_common_as_wanted_in_the_committed_dataset() -> None:
    lines = COMMITTED.read_text(encoding="utf-8").splitlines()
    outputs = [DatasetRecord.model_validate_json(line).output for line in lines]
    shares = {field: sum(getattr(output, field) is None for output in outputs) / len(outputs) for field in FIELDS}
    assert shares == pytest.approx({"cancer_type": 0} | NULLS, abs=0.06)
    assert shares["cancer_type"] == 0


@pytest.mark.parametrize("field", ["stage", "response"])
def test_a_fact_is_only_inferred_in_a_fifth_of_the_notes_that_have_it(sample: Sample, field: str) -> None:
    having = [note for note in sample["train"] if getattr(note.record.output, field)]
    assert 0.12 <= share(having, lambda note: not _states(note, field)) <= 0.28


def test_a_fifth_of_the_sites_are_only_inferred_from_a_part_of_the_organ(sample: Sample) -> None:
    tags = [tag for note in sample["train"] for tag in _tags(note, "metastasis_site")]
    assert 0.10 <= sum(bool(tag.rule) for tag in tags) / len(tags) <= 0.28


def _states(note: Note, field: str) -> bool:
    return any(not tag.rule for tag in _tags(note, field))


def _tags(note: Note, field: str) -> list[Tag]:
    return [Tag.parse(span.tag) for span in note.spans if span.tag.startswith(f"{field}|")]


def test_a_topic_is_rarely_spoken_of_twice_in_a_row_by_the_same_sentence(sample: Sample) -> None:
    sentences = [note.record.input.split(". ") for note in sample["train"]]
    assert all(len(found) == len(set(found)) for found in sentences)


def test_complete_responses_are_rare_beyond_the_first_line_of_solid_tumours(sample: Sample) -> None:
    cases = [note.case for notes in sample.values() for note in notes if not note.case.entity.is_blood_cancer]
    late = [case for case in cases if case.events and case.events[-1].line > 1 and case.response]
    complete = [case for case in late if case.response[0] == "complete response"]
    assert len(complete) / len(late) <= 0.08
