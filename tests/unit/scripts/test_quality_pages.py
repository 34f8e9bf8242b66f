"""The pages of the sweep and of the quality table say what their trials measured."""

from __future__ import annotations

import pytest

from scripts.quality import sweep, table


def trained(loss: float) -> dict:
    return {"held_out_loss": loss, "training": {"samples": 480, "cpu_seconds_per_sample": 1.25}}


def scored(macro_f1: float, json_valid: float = 1.0) -> dict:
    scores = {
        "samples": 500,
        "macro_f1": macro_f1,
        "macro_f1_interval": {"low": macro_f1 - 0.02, "high": macro_f1 + 0.02},
        "record_exact": 0.3,
        "json_valid": json_valid,
        "ended_by_itself": 0.992,
        "ungrounded_rate": 0.04,
        "fields": {"stage": {"f1": 0.91}},
    }
    return trained(0.2) | {"scores": scores}


def test_every_trial_of_the_sweep_is_compared_with_the_first_of_its_table() -> None:
    losses = {"128 samples: centre": 0.30, "384 samples: centre": 0.26}
    trials = {name: trained(losses.get(name, 0.25)) for name in sweep.requests()}

    few, more = sweep.page({"cpu_hours": 2.0, "trials": trials}).split("## 384 samples")

    assert "| centre | 0.3000 | +0.0000 | 1.25 |" in few
    assert "| rank 4 | 0.2500 | -0.0500 | 1.25 |" in few
    assert "| batch 4 | 0.2500 | -0.0100 | 1.25 |" in more
    rows = [line for line in (few + more).splitlines() if line.endswith("| 1.25 |")]
    assert len(rows) == len(trials)


def test_no_trial_of_the_sweep_is_measured_on_validation() -> None:
    assert {request.measured_on for request in sweep.requests().values()} == {"held-back"}


@pytest.mark.parametrize(("json_valid", "verdict"), [(1.0, "met"), (0.998, "**missed**")])
def test_a_goal_that_is_missed_is_called_so(json_valid: float, verdict: str) -> None:
    runs = {name: scored(0.85, json_valid) for name in table.RUNS}

    page = table.page({"cpu_hours": 4.0, "runs": runs})

    assert f"| json valid | {json_valid:.3f} | >= 1 | {verdict} |" in page
    assert "| 2,000 records | 10 | 0.200 | 0.850 (0.830 to 0.870) | 30.0% |" in page


def test_every_run_of_the_table_answers_the_whole_validation_set() -> None:
    for request in table.requests().values():
        assert (request.measured_on, request.records, request.answers) == ("validation", None, True)
