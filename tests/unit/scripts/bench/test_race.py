"""Who works when, and what is kept of the answers; no contender is started."""

from __future__ import annotations

from pathlib import Path

from scripts.bench.plan import Plan, read_plan, rotated, round_of
from scripts.bench.race import generation_report


def _plan(directory: Path) -> Plan:
    return Plan(
        model="model",
        work_directory=str(directory),
        rounds=3,
        steps_per_round=2,
        held_out_notes=8,
        further_samples=4,
        generation_chunks=1,
        notes_per_chunk=2,
        max_new_tokens=4,
        seed=1,
    )


def test_each_round_begins_one_further() -> None:
    names = ("a", "b", "c")

    assert [rotated(names, number) for number in range(4)] == [
        ("a", "b", "c"),
        ("b", "c", "a"),
        ("c", "a", "b"),
        ("a", "b", "c"),
    ]


def test_steps_fall_into_rounds_evenly_however_many_there_are() -> None:
    assert [round_of(step, 6, 3) for step in range(6)] == [0, 0, 1, 1, 2, 2]
    assert [round_of(step, 5, 3) for step in range(5)] == [0, 0, 1, 1, 2]


def test_a_process_reads_the_plan_that_was_written(tmp_path: Path) -> None:
    plan = _plan(tmp_path)

    assert read_plan(plan.write()) == plan
    assert plan.samples == 24


def test_answers_are_compared_and_counted_and_not_kept(tmp_path: Path) -> None:
    answers = {"generate": [[1, 2], [3, 4, 5, 6]], "generate-ours": [[1, 2], [3, 4, 5, 7]]}

    found = generation_report(_plan(tmp_path), answers, {"generate": [], "generate-ours": []})

    assert found == {"generate": [], "ours": [], "equal": 1, "ended": 1, "max_new_tokens": 4}
