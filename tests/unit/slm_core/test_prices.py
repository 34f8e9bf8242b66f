"""Prices bind the deadline and go into the record."""

from datetime import timedelta

import pytest
from slm_core.errors import ConfigInvalidError
from slm_core.prices import load_prices

from tests.unit.emulated_account import ROOT

PRICES = ROOT / "config" / "prices.yml"


def test_two_hours_of_a_known_type_cost_what_the_table_says():
    prices = load_prices(PRICES)
    assert prices.cost_usd("g6.2xlarge", prices.billed_seconds(timedelta(hours=2))) == pytest.approx(1.9552)


def test_a_short_start_is_billed_for_a_minute():
    assert load_prices(PRICES).billed_seconds(timedelta(seconds=5)) == 60


def test_a_type_without_a_price_is_refused():
    with pytest.raises(ConfigInvalidError, match=r"p5\.48xlarge"):
        load_prices(PRICES).price("p5.48xlarge")


@pytest.mark.parametrize("content", ["", "usd_per_hour: {}", "- a", "a: [", "usd_per_hour: {g6.xlarge: cheap}"])
def test_a_table_that_is_none_is_refused_by_name(tmp_path, content):
    path = tmp_path / "prices.yml"
    path.write_text(content)
    with pytest.raises(ConfigInvalidError, match=r"prices\.yml"):
        load_prices(path)
