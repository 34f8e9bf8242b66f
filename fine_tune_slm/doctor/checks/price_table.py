"""Whether each type has a price: without one, PrepareRun refuses the run, because a budget would bind nothing."""

from __future__ import annotations

from fine_tune_slm.doctor.context import Context
from fine_tune_slm.doctor.finding import Finding, fail, ok


def look_at_prices(context: Context) -> Finding:
    """Return the price of an hour and how old the table is."""
    prices = context.prices
    missing = [name for name in context.instance_types if name not in prices.usd_per_hour]
    if missing:
        remedy = "Add it to usd_per_hour of config/prices.yml, with its date and source."
        return fail(f"config/prices.yml has no price for {', '.join(missing)}", remedy)
    told = ", ".join(f"{name} ${prices.usd_per_hour[name]:g}" for name in context.instance_types)
    return ok(f"{told} an hour, as of {prices.as_of}, {prices.region}")
