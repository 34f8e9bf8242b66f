"""What a run cost, computed by hand beside what the code says."""

from datetime import timedelta

import pytest
from pydantic import ValidationError
from slm_core.history import Requests, count_requests, requests_of
from slm_core.lease import Launch
from slm_core.prices import load_prices
from slm_core.run_cost import Consumption, usage_of
from slm_core.training_config import PriceOverrides

from tests.unit.emulated_account import EXECUTION_ARN, ROOT, RUN_ID, START, answering

PRICES = load_prices(ROOT / "config" / "prices.yml")


@pytest.fixture
def lease(account):
    """Two hours as g6.2xlarge, of which the host was lost, and one hour as g5.2xlarge."""
    account.prepare()
    for kind, begins, hours in (("g6.2xlarge", 0, 2), ("g5.2xlarge", 2, 1)):
        launch = Launch(instance_type=kind, launched_at=START + timedelta(hours=begins))
        account.leases.record_launch(RUN_ID, 1, launch, START + timedelta(hours=6))
        account.time.forward(hours=hours)
        account.leases.record_stop(RUN_ID, 1, launch)
    return account.lease()


def test_a_known_run_costs_what_a_hand_computes(lease):
    usage = usage_of(lease, PRICES, Consumption(START, storage_gib=200, requests=Requests(transitions=120, calls=50)))
    costs = {(item.kind, item.detail): (item.amount, item.usd) for item in usage.costs}
    assert costs == {
        ("instance", "g6.2xlarge"): (7200, 1.9552),  # 2 h x $0.9776
        ("instance", "g5.2xlarge"): (3600, 1.212),  # 1 h x $1.212
        ("storage", "200 GiB of gp3"): (10800, 0.065753),  # 200 GiB x $0.08 x 3 h / 730 h
        ("state transitions", "Step Functions"): (120, 0.003),  # 120 / 1,000 x $0.025
        ("function calls", "Lambda"): (50, 0.00001),  # 50 / 1,000,000 x $0.20
    }
    assert usage.billed_seconds == 10800
    assert usage.cost_usd == 3.236  # 1.9552 + 1.212 + 0.065753 + 0.003 + 0.00001


def test_what_is_not_known_is_no_row(lease):
    usage = usage_of(lease, PRICES, Consumption(START, storage_gib=0, requests=None))
    assert {item.kind for item in usage.costs} == {"instance"}
    assert usage.cost_usd == pytest.approx(1.9552 + 1.212)


def test_an_instance_that_was_not_seen_stopped_is_billed_until_now(account):
    account.prepare()
    account.leases.record_launch(RUN_ID, 1, Launch(instance_type="g6.2xlarge", launched_at=START), START)
    account.time.forward(minutes=30)
    usage = usage_of(account.lease(), PRICES, Consumption(START, storage_gib=0, requests=None))
    assert (usage.billed_seconds, usage.cost_usd) == (1800, 0.4888)


def test_every_state_entered_is_billed_and_every_retry_once_more():
    kinds = [
        "ExecutionStarted", "PassStateEntered", "PassStateExited", "TaskStateEntered", "LambdaFunctionScheduled",
        "LambdaFunctionFailed", "LambdaFunctionScheduled", "LambdaFunctionSucceeded", "TaskStateExited",
        "WaitStateEntered", "WaitStateExited", "ChoiceStateEntered",
    ]  # fmt: skip
    assert count_requests({"type": kind} for kind in kinds) == Requests(transitions=5, calls=2)


def test_a_history_of_several_pages_is_counted_whole(account, monkeypatch):
    pages = {
        None: {"events": [{"type": "TaskStateEntered"}], "nextToken": "more"},
        "more": {"events": [{"type": "TaskScheduled"}]},
    }
    answering("stepfunctions", {"GetExecutionHistory": lambda asked: pages[asked.get("nextToken")]}, monkeypatch)
    assert requests_of(EXECUTION_ARN) == Requests(transitions=1, calls=1)


def test_a_configuration_may_state_other_prices():
    own = PRICES.overridden(PriceOverrides(usd_per_hour={"g6.2xlarge": 0.5, "p5.48xlarge": 60}, usd_per_gib_month=0.1))
    assert (own.price("g6.2xlarge"), own.price("p5.48xlarge"), own.price("g5.2xlarge")) == (0.5, 60, 1.212)
    assert own.storage_usd(73, 3600) == pytest.approx(0.01)
    assert PRICES.price("g6.2xlarge") == 0.9776
    assert PRICES.overridden(None) is PRICES


def test_a_price_of_nothing_is_refused():
    with pytest.raises(ValidationError):
        PriceOverrides(usd_per_hour={"g6.2xlarge": 0})
