"""The estimate before a run, beside a computation by hand."""

import pytest
from slm_core.errors import ConfigInvalidError
from slm_core.prices import load_prices
from slm_core.sizing import estimate
from slm_core.sizing.duration import Range
from slm_core.sizing.estimate import EstimateRequest, as_lines, estimate_cost
from slm_core.sizing.gpu import known_gpu
from slm_core.sizing.plan import PlanRequest, make_plan
from slm_core.sizing.shape import known_shape
from slm_core.training_config import PriceOverrides, load_training_config

from tests.unit.emulated_account import ROOT

PRICES = load_prices(ROOT / "config" / "prices.yml")
CONFIG = load_training_config(ROOT / "config" / "training_config.yml")
SHAPE = known_shape(CONFIG.base_model.repo_id)


def request(instance_type="g6.2xlarge", **changes):
    given = {"config": CONFIG, "shape": SHAPE, "instance_type": instance_type, "storage_gib": 200} | changes
    return EstimateRequest(**given)


def limited(**limits):
    return CONFIG.model_copy(update={"limits": CONFIG.limits.model_copy(update=limits)})


def test_a_known_case_costs_what_a_hand_computes(monkeypatch):
    monkeypatch.setattr(estimate, "estimated_hours", lambda *_: Range(low=2, high=4))
    found = estimate_cost(request(), PRICES)
    costs = {one.kind: (one.usd.low, one.usd.high) for one in found.costs}
    assert costs["instance"] == pytest.approx((2 * 0.9776, 4 * 0.9776))
    assert costs["storage"] == pytest.approx((200 * 0.08 * 2 / 730, 200 * 0.08 * 4 / 730))
    # 50 and three for each poll: every 300 s at the least, every 15 s at the most
    assert costs["state transitions"] == pytest.approx((122 * 0.025 / 1000, 2930 * 0.025 / 1000))
    assert found.usd.low == pytest.approx(1.9552 + 0.043836 + 0.00305, abs=1e-6)
    assert found.usd.high == pytest.approx(3.9104 + 0.087671 + 0.07325, abs=1e-6)


def test_the_hours_are_the_plans_and_those_around_it():
    planned = make_plan(PlanRequest(config=CONFIG, shape=SHAPE, gpu=known_gpu("l4")), PRICES).chosen.duration.hours
    hours = estimate_cost(request(), PRICES).hours
    assert hours.low == pytest.approx(planned.low + 5 / 60)
    assert hours.high == pytest.approx(planned.high + 25 / 60)


def test_the_limits_say_what_a_run_costs_at_most():
    cheap = estimate_cost(request(config=limited(max_hours=48, budget_usd=0.9776)), PRICES)
    assert (cheap.limit_hours, cheap.limit_usd) == (pytest.approx(1), pytest.approx(0.9776))
    assert not cheap.fits_limits
    assert "NOT above the worst" in as_lines(cheap)[-1]
    assert estimate_cost(request(config=limited(max_hours=48, budget_usd=100)), PRICES).fits_limits


def test_the_configurations_own_prices_count():
    own = CONFIG.model_copy(update={"prices": PriceOverrides(usd_per_hour={"g6.2xlarge": 2 * 0.9776})})
    dear, usual = (estimate_cost(request(config=config, storage_gib=0), PRICES) for config in (own, CONFIG))
    assert dear.costs[0].usd.low == pytest.approx(2 * usual.costs[0].usd.low)
    assert [one.kind for one in usual.costs] == ["instance", "state transitions"]


def test_a_type_without_a_price_has_no_estimate():
    with pytest.raises(ConfigInvalidError, match=r"p5\.4xlarge"):
        estimate_cost(request("p5.4xlarge"), PRICES)


def test_every_line_shows_its_arithmetic():
    lines = as_lines(estimate_cost(request(), PRICES))
    assert lines[0].startswith("g6.2xlarge: ")
    assert lines[0].endswith("at list prices of 2026-11, us-east-1")
    assert [line.split(":")[0].strip() for line in lines[1:4]] == ["instance", "storage", "state transitions"]


def test_an_instance_with_four_gpus_is_planned_with_all_of_them():
    assert estimate.plan_for(request("g6.12xlarge"), PRICES).request.gpus == 4
    assert estimate.plan_for(request("g6.4xlarge"), PRICES).request.gpus == 1
