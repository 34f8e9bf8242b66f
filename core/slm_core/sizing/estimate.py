"""What a run will cost, as a range with its arithmetic, before anything starts. Pure, like everything here."""

from __future__ import annotations

from pydantic import Field

from slm_core.decisions import LONGEST_POLL_SECONDS, SHORTEST_POLL_SECONDS
from slm_core.prices import SECONDS_AN_HOUR, PriceTable
from slm_core.sizing.duration import Range, TokenCounts
from slm_core.sizing.gpu import gpu_of
from slm_core.sizing.plan import ASSUMED_COUNTS, Plan, PlanRequest, make_plan
from slm_core.sizing.shape import ModelShape
from slm_core.training_config import Frozen, TrainingConfig

# an assumption: boot and agent take 100 to 150 s; image, model and packaging take as long as the network lets them
OVERHEAD_MINUTES = Range(low=5, high=25)
TRANSITIONS_A_POLL = 3
"""AwaitTraining, CheckTraining and the choice after it."""
OTHER_TRANSITIONS = 50


class EstimateRequest(Frozen):
    """What an estimate is made for."""

    config: TrainingConfig
    shape: ModelShape
    instance_type: str
    storage_gib: float = Field(default=0, ge=0, description="Of the instance's disks; 0 leaves them out.")
    counts: TokenCounts = ASSUMED_COUNTS


class EstimatedCost(Frozen):
    """One kind of cost."""

    kind: str
    usd: Range
    arithmetic: str


class CostEstimate(Frozen):
    """What a run is expected to take and to cost, and what its limits allow at most."""

    instance_type: str
    hours: Range = Field(description="From the start of the instance to its stop, without a relaunch.")
    costs: tuple[EstimatedCost, ...]
    limit_hours: float = Field(description="The deadline: max_hours, or what budget_usd pays for.")
    limit_usd: float = Field(description="What the instance costs when the deadline ends the run.")
    prices_as_of: str

    @property
    def usd(self) -> Range:
        """All kinds together."""
        return Range(low=sum(one.usd.low for one in self.costs), high=sum(one.usd.high for one in self.costs))

    @property
    def fits_limits(self) -> bool:
        """Whether even the worst that is expected ends before the deadline."""
        return self.hours.high <= self.limit_hours


def estimate_cost(request: EstimateRequest, prices: PriceTable) -> CostEstimate:
    """Return the estimate for a run as one instance type; the configuration's own prices count.

    Raises: ConfigInvalidError when the type has no price, or no GPU that is known.
    """
    prices, limits = prices.overridden(request.config.prices), request.config.limits
    price, hours = prices.price(request.instance_type), estimated_hours(request, prices)
    limit_hours = min(limits.max_hours, limits.budget_usd / price)
    return CostEstimate(
        instance_type=request.instance_type,
        hours=hours,
        costs=_costs(request, hours, prices),
        limit_hours=limit_hours,
        limit_usd=limit_hours * price,
        prices_as_of=f"{prices.as_of}, {prices.region}",
    )


def estimated_hours(request: EstimateRequest, prices: PriceTable) -> Range:
    """Return the plan's hours on the type's GPU, and those around it."""
    computed = plan_for(request, prices).chosen.duration.hours
    return Range(low=computed.low + OVERHEAD_MINUTES.low / 60, high=computed.high + OVERHEAD_MINUTES.high / 60)


def plan_for(request: EstimateRequest, prices: PriceTable) -> Plan:
    """Return the plan on the GPUs of the type.

    Raises: ConfigInvalidError when the type has no GPU that is known.
    """
    gpu = gpu_of(request.instance_type)
    # sizes that are not in the table are single-GPU ones: the larger are listed
    gpus = {name: count for count, name in gpu.instance_types}.get(request.instance_type, 1)
    return make_plan(
        PlanRequest(config=request.config, shape=request.shape, gpu=gpu, gpus=gpus, counts=request.counts), prices
    )


def as_lines(estimate: CostEstimate) -> list[str]:
    """Return the estimate for a reader who wants to redo it."""
    total, hours = estimate.usd, estimate.hours
    verdict = "above" if estimate.fits_limits else "NOT above"
    return [
        f"{estimate.instance_type}: {hours.low:.2f} to {hours.high:.2f} hours,"
        f" ${total.low:.2f} to ${total.high:.2f} at list prices of {estimate.prices_as_of}",
        *(f"  {one.kind}: {one.arithmetic} = ${one.usd.low:.4f} to ${one.usd.high:.4f}" for one in estimate.costs),
        f"  the limits end it after {estimate.limit_hours:.2f} hours, ${estimate.limit_usd:.2f} of instance time:"
        f" {verdict} the worst that is expected",
    ]


def _costs(request: EstimateRequest, hours: Range, prices: PriceTable) -> tuple[EstimatedCost, ...]:
    price, span = prices.price(request.instance_type), f"{hours.low:.2f} to {hours.high:.2f}"
    instance = EstimatedCost(
        kind="instance",
        usd=Range(low=hours.low * price, high=hours.high * price),
        arithmetic=f"{span} hours x ${price:g}",
    )
    gib, transitions, each = request.storage_gib, _transitions(hours), prices.usd_per_1000_state_transitions
    storage = EstimatedCost(
        kind="storage",
        usd=Range(
            low=prices.storage_usd(gib, hours.low * SECONDS_AN_HOUR),
            high=prices.storage_usd(gib, hours.high * SECONDS_AN_HOUR),
        ),
        arithmetic=f"{gib:g} GiB x ${prices.usd_per_gib_month:g} a month for {span} hours",
    )
    states = EstimatedCost(
        kind="state transitions",
        usd=Range(low=prices.transitions_usd(transitions.low), high=prices.transitions_usd(transitions.high)),
        arithmetic=f"{transitions.low:.0f} to {transitions.high:.0f} x ${each:g} / 1000",
    )
    return (instance, *((storage,) if gib else ()), states)


def _transitions(hours: Range) -> Range:
    """Return the transitions of a run that is polled as seldom, and one that is polled as often, as polls go."""
    return Range(
        low=OTHER_TRANSITIONS + TRANSITIONS_A_POLL * hours.low * SECONDS_AN_HOUR / LONGEST_POLL_SECONDS,
        high=OTHER_TRANSITIONS + TRANSITIONS_A_POLL * hours.high * SECONDS_AN_HOUR / SHORTEST_POLL_SECONDS,
    )
