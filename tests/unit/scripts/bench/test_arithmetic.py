"""The bench's arithmetic on figures small enough to reckon by hand."""

from __future__ import annotations

import pytest

from scripts.bench.arithmetic import (
    BUDGET_SECONDS,
    Shapes,
    best_sft,
    cpu_seconds_per_sample,
    gemm_flops,
    gemm_rate,
    gemm_share,
    generation_ratio,
    is_above_floor,
    padding_share,
    sample_flops,
    speedup,
    verdicts,
)
from tests.unit.scripts.bench.report import contender, report

SMALL = Shapes(layers=2, hidden=4, intermediate=6, attention=4, key_value=2, vocabulary=10)
SMOLLM2 = {
    "num_hidden_layers": 30,
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "head_dim": 64,
    "vocab_size": 49152,
}


def test_the_shapes_of_a_config_give_the_parameters_of_the_model() -> None:
    shapes = Shapes.from_config(SMOLLM2)

    # 134,515,008 in all, of which 49,152 x 576 are the embedding and 61 x 576 the norms
    assert shapes.linear_parameters() == 134_515_008 - 49_152 * 576 - 61 * 576
    assert Shapes.from_config({**SMOLLM2, "head_dim": None}) == shapes


def test_an_adapter_has_two_thin_matrices_at_each_linear_map() -> None:
    inputs_and_outputs = (4 + 4) + (4 + 2) + (4 + 2) + (4 + 4) + (4 + 6) + (4 + 6) + (6 + 4)

    assert SMALL.adapter_parameters(rank=3) == 2 * 3 * inputs_and_outputs


def test_the_operations_of_a_sample_are_those_of_its_tokens_and_answer_rows() -> None:
    frozen = 2 * (16 + 8 + 8 + 16 + 24 + 24 + 24)
    adapter = 2 * 1 * 58
    tokens, answer = 5, 2
    attention = 6 * 2 * 4 * tokens**2

    assert SMALL.linear_parameters() == frozen
    assert sample_flops(SMALL, 1, (3, answer)) == (
        4 * frozen * tokens + 6 * adapter * tokens + 4 * 10 * 4 * answer + attention
    )


def test_the_bare_products_are_counted_as_the_frozen_weights_are() -> None:
    whole = sample_flops(SMALL, 0, (3, 2)) - 6 * 2 * 4 * 25

    assert gemm_flops(SMALL, rows=5, head_rows=2) == whole


def test_a_ratio_is_taken_over_the_whole_run_and_its_spread_by_round() -> None:
    ratio = speedup(contender((10.0, 30.0), 1.0), contender((40.0, 60.0), 1.0))

    assert (ratio.whole, ratio.least, ratio.most) == (2.5, 2.0, 4.0)


def test_a_round_with_longer_notes_is_compared_by_token() -> None:
    slow, quick = contender((40.0, 40.0), 1.0), contender((20.0, 20.0), 1.0)
    quick["rounds"][0] |= {"tokens": 500}
    quick["rounds"][1] |= {"tokens": 1500}

    ratio = speedup(quick, slow)

    assert (ratio.whole, ratio.least, ratio.most) == (2.0, 1.0, 3.0)


def test_the_share_of_the_gemm_rate_counts_what_the_samples_need() -> None:
    figures = report()
    needed = 8 * sample_flops(Shapes(**figures["shapes"]), 2, (150, 100))

    assert gemm_rate(figures) == 500_000
    assert gemm_share(figures["contenders"]["ours"], figures) == pytest.approx(needed / 40.0 / 500_000)


def test_padding_is_the_share_of_positions_without_a_token() -> None:
    assert padding_share(contender((1.0, 1.0), 1.0, positions=1250)) == pytest.approx(0.2)
    assert padding_share(contender((1.0, 1.0), 1.0)) == 0


def test_the_best_of_the_peers_is_the_quickest() -> None:
    assert best_sft(report()["contenders"]) == "sft-padded"
    assert best_sft(report(sft_packed=contender((1.0, 1.0), 1.0))["contenders"]) == "sft-packed"


def test_cpu_seconds_are_spread_over_all_samples() -> None:
    assert cpu_seconds_per_sample(contender((10.0, 30.0), 1.0)) == 5.0


def test_generation_is_compared_over_all_chunks() -> None:
    ratio = generation_ratio(report()["generation"])

    assert (ratio.whole, ratio.least, ratio.most) == (2.2, 2.0, 2.4)


def test_a_run_that_meets_its_goals_is_above_the_floor() -> None:
    figures = report()
    missed = {verdict.name for verdict in verdicts(figures) if not verdict.is_met}

    assert missed == {"share of the GEMM rate, ours"}
    assert is_above_floor(figures)


def test_a_missed_goal_is_no_failure_and_a_missed_floor_is() -> None:
    assert is_above_floor(report(ours=contender((23.0, 23.0), 0.45)))
    assert not is_above_floor(report(ours=contender((24.0, 24.0), 0.45)))


def test_a_worse_loss_a_different_answer_and_a_long_run_are_missed_goals() -> None:
    figures = report(ours=contender((20.0, 20.0), 0.46))
    figures["generation"]["equal"] = 15
    figures["seconds"] = BUDGET_SECONDS + 1
    missed = {verdict.name for verdict in verdicts(figures) if not verdict.is_met}

    assert {
        "held-out loss, ours / the better of both",
        "answers equal token for token",
        "seconds of the whole run",
    } <= missed


def test_a_run_without_generation_has_no_verdict_on_it() -> None:
    figures = report() | {"generation": None}

    assert not any("generate" in verdict.name for verdict in verdicts(figures))
