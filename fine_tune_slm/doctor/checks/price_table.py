"""Whether each type has a price, and what a run as the first one will cost.

Without a price PrepareRun refuses the run, because a budget would bind nothing.
"""

from __future__ import annotations

from slm_core.sizing.estimate import EstimateRequest, estimate_cost
from slm_core.sizing.shape import known_shape

from fine_tune_slm.doctor.context import Context
from fine_tune_slm.doctor.finding import Finding, fail, ok, warn


def look_at_prices(context: Context) -> Finding:
    """Return the estimate for a run as the first type, and whether its limits leave it the time."""
    config, prices = context.config, context.prices.overridden(context.config.prices)
    missing = [name for name in context.instance_types if name not in prices.usd_per_hour]
    if missing:
        remedy = "Add it to usd_per_hour of config/prices.yml, with its date and source."
        return fail(f"config/prices.yml has no price for {', '.join(missing)}", remedy)
    first, shape = context.instance_types[0], known_shape(config.base_model.repo_id)
    found = estimate_cost(EstimateRequest(config=config, shape=shape, instance_type=first), prices)
    told = (
        f"{first}: ${found.usd.low:.2f} to ${found.usd.high:.2f} for {found.hours.low:.1f} to {found.hours.high:.1f}"
        f" hours, at most ${found.limit_usd:.2f}; prices of {found.prices_as_of}"
    )
    if found.fits_limits:
        return ok(told)
    remedy = "Raise limits.max_hours or limits.budget_usd, or expect to go on with resume_from."
    return warn(f"{told}; the deadline may come before the end", remedy)
