"""The choice among four ways to hold a model, its time and its price, redone by hand."""

from dataclasses import replace
from pathlib import Path

import pytest
from slm_core.errors import ConfigInvalidError
from slm_core.prices import load_prices
from slm_core.sizing.choice import Question, choose, largest_token_budget, variants
from slm_core.sizing.duration import TokenCounts, Work, estimate_duration, training_flops_per_token
from slm_core.sizing.gpu import GIB, gpu_of, known_gpu
from slm_core.sizing.memory import Scale
from slm_core.sizing.plan import PlanRequest, as_text, make_plan
from slm_core.sizing.shape import KNOWN_SHAPES
from slm_core.training_config import load_training_config

ROOT = Path(__file__).parents[3]
CONFIG = load_training_config(ROOT / "config" / "training_config.yml")
PRICES = load_prices(ROOT / "config" / "prices.yml")
LLAMA = KNOWN_SHAPES["meta-llama/Llama-3.1-8B-Instruct"]
COUNTS = TokenCounts(
    train_records=1000, validation_records=100, mean_tokens=200, p99_tokens=300, longest_tokens=400,
    mean_answer_tokens=50, longest_answer_tokens=80, source="a test",
)  # fmt: skip
AUTO = {"quantization": "auto", "gradient_checkpointing": "auto", "dtype": "bfloat16", "lora_rank": 16}
OPTIONS = CONFIG.training.model_copy(
    update=AUTO | {"samples": None, "epochs": 2, "batch_size": 16, "max_tokens_per_batch": 3000, "max_seq_length": 768}
)
EVALUATION = CONFIG.evaluation.model_copy(update={"samples": None, "batch_size": 16, "max_new_tokens": 256})
WORK = Work(Scale(LLAMA, OPTIONS, "none", 2), COUNTS, known_gpu("l4"), gpus=1, is_recomputing=False)


def question(**changes):
    options = OPTIONS.model_copy(update=changes)
    return Question(shape=LLAMA, options=options, evaluation=EVALUATION, value_bytes=2)


def request_for(gpu, gpus=1):
    config = CONFIG.model_copy(update={"training": OPTIONS, "evaluation": EVALUATION})
    return PlanRequest(config=config, shape=LLAMA, gpu=known_gpu(gpu), gpus=gpus, counts=COUNTS)


@pytest.mark.parametrize(
    ("memory_gib", "quantization", "is_recomputing", "fits"),
    [(79, "none", False, True), (22, "none", True, True), (15, "nf4", True, True), (8, "nf4", True, False)],
)
def test_the_first_way_that_fits_is_chosen(memory_gib, quantization, is_recomputing, fits):
    choice = choose(question(), memory_gib * GIB)
    assert (choice.variant.quantization, choice.variant.is_recomputing) == (quantization, is_recomputing)
    assert choice.fits is fits
    assert f"{memory_gib}.0 GiB" in choice.reason
    assert "\n" not in choice.reason


def test_what_the_configuration_states_is_not_up_for_choice():
    stated = choose(question(quantization="nf4", gradient_checkpointing=False), 79 * GIB)
    assert (stated.variant.quantization, stated.variant.is_recomputing) == ("nf4", False)
    assert not choose(question(quantization="none", gradient_checkpointing=False), 22 * GIB).fits


def test_the_production_configuration_fits_one_l4_by_its_own_choice():
    plan = make_plan(PlanRequest(config=CONFIG, shape=LLAMA, gpu=known_gpu("l4")), PRICES)
    assert CONFIG.training.quantization == CONFIG.training.gradient_checkpointing == "auto"
    assert plan.choice.fits


@pytest.mark.parametrize("memory_gib", [22, 44])
def test_the_largest_token_budget_is_the_last_that_fits(memory_gib):
    for variant in variants(question()):
        budget = largest_token_budget(question(), variant, memory_gib * GIB)
        outcomes = []
        for tokens in (budget, budget + 1):
            stated = question(max_tokens_per_batch=tokens, batch_size=1 << 20)
            same = next(other for other in variants(stated) if other.name == variant.name)
            outcomes.append(same.memory.fits(memory_gib * GIB))
        assert outcomes == [True, False]


def test_the_work_of_a_token_is_four_times_the_frozen_and_six_times_the_trained_weights():
    by_hand = 4 * 6_979_321_856 + 6 * 41_943_040 + 12 * 32 * 4096 * 200 + 4 * 128_256 * 4096 * 0.25
    assert training_flops_per_token(WORK)[0] == pytest.approx(by_hand)
    again = replace(WORK, is_recomputing=True)
    extra = 2 * 6_979_321_856 + 2 * 41_943_040 + 4 * 32 * 4096 * 200
    assert training_flops_per_token(again)[0] == pytest.approx(by_hand + extra)


def test_training_takes_its_work_at_a_share_of_the_peak():
    at_peak = 1000 * 2 * 200 * training_flops_per_token(WORK)[0] / 121e12
    found = estimate_duration(WORK, 16, 256, 2)
    assert found.training_seconds.low == pytest.approx(at_peak / 0.45)
    assert found.training_seconds.high == pytest.approx(at_peak / 0.20)
    assert found.tokens_per_second.high == pytest.approx(400_000 / found.training_seconds.low)


def test_unpacking_four_bits_costs_bandwidth_forward_and_backward_of_every_pass():
    whole, packed = (
        estimate_duration(replace(WORK, scale=Scale(LLAMA, OPTIONS, kind, 2)), 16, 256, 2) for kind in ("none", "nf4")
    )
    scales = 1 / 64 + 4 / (64 * 256)
    moved = 400_000 / 3000 * 2 * 6_979_321_856 * (0.5 + scales + 2)
    assert packed.training_seconds.low - whole.training_seconds.low == pytest.approx(moved / 300e9 / 0.8)


def test_an_evaluation_reads_all_weights_for_every_token_of_a_batch():
    found = estimate_duration(WORK, 16, 256, 1).evaluation_seconds
    step = ((6_979_321_856 + 128_256 * 4096) * 2 + 41_943_040 * 4) / 300e9
    reading = 2 * 100 * 200 * 2 * 6_979_321_856 / 121e12
    assert found.low == pytest.approx(reading / 0.45 + 7 * 80 * step / 0.8)
    assert found.high == pytest.approx(reading / 0.20 + 7 * 256 * step / 0.4)


def test_two_gpus_halve_the_training_and_take_the_instance_that_has_them():
    one, two = make_plan(request_for("l4"), PRICES), make_plan(request_for("l4", 2), PRICES)
    assert two.chosen.duration.training_seconds.low == pytest.approx(one.chosen.duration.training_seconds.low / 2)
    assert (two.instance_type, two.instance_gpus) == ("g6.12xlarge", 4)
    with pytest.raises(ConfigInvalidError, match="16 GPUs"):
        make_plan(request_for("l4", 16), PRICES)


def test_dollars_are_hours_times_the_price_and_stay_out_where_there_is_none():
    priced, unpriced = make_plan(request_for("l4"), PRICES), make_plan(request_for("h100"), PRICES)
    assert priced.chosen.cost_usd.low == pytest.approx(priced.chosen.duration.hours.low * PRICES.price("g6.2xlarge"))
    assert unpriced.chosen.cost_usd is None
    assert "no price of p5.4xlarge is known" in as_text(unpriced)


def test_the_text_says_every_item_the_verdict_its_sources_and_where_the_tokens_come_from():
    plan = make_plan(request_for("l4"), PRICES)
    text = as_text(plan)
    said = ("weights", "adapter", "gradients", "optimizer", "activations", "CUDA context", "key-value cache", "fits: ")
    assert all(word in text for word in said)
    assert all(line in text for line in (*plan.chosen.duration.arithmetic, plan.share_source, PRICES.as_of, "a test"))
    assert max(map(len, text.splitlines()[-6:])) <= 120


@pytest.mark.parametrize(
    ("instance_type", "gpu"),
    [("g6.xlarge", "l4"), ("g6e.2xlarge", "l40s"), ("g5.48xlarge", "a10g"), ("p5.4xlarge", "h100")],
)
def test_the_gpu_of_a_type_follows_from_its_family(instance_type, gpu):
    assert gpu_of(instance_type).name == gpu


def test_a_type_without_a_known_gpu_is_refused():
    with pytest.raises(ConfigInvalidError, match=r"m7i\.large"):
        gpu_of("m7i.large")
