"""What a run has cost, at list price, a row for each kind. Pure: lease, prices and counts are handed in."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from slm_core import clock
from slm_core.history import Requests
from slm_core.lease import Lease
from slm_core.prices import PriceTable
from slm_core.records import CostItem

_USD_DIGITS = 6


class Consumption(NamedTuple):
    """What a run used besides its instance's time."""

    started_at: datetime
    storage_gib: float
    requests: Requests | None


class Usage(NamedTuple):
    """What AWS bills for a run; network, logs and the functions' computing time are left out."""

    billed_seconds: float
    costs: tuple[CostItem, ...]

    @property
    def cost_usd(self) -> float:
        """All kinds together."""
        return round(sum(item.usd for item in self.costs), 4)


def usage_of(lease: Lease, prices: PriceTable, used: Consumption) -> Usage:
    """Return the billed seconds of every launch, one that still runs counted until now, and every kind of cost."""
    launches = [
        (launch.instance_type, prices.billed_seconds((launch.stopped_at or clock.now()) - launch.launched_at))
        for launch in lease.ordered_launches
    ]
    instances = tuple(
        _item("instance", kind, seconds, prices.cost_usd(kind, seconds)) for kind, seconds in _by_type(launches)
    )
    billed_seconds = round(sum(seconds for _, seconds in launches), 1)
    return Usage(billed_seconds, (*instances, *_storage(used, prices), *_requests(used.requests, prices)))


def _by_type(launches: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Return the seconds of each type, in the order in which the types were first started."""
    seconds: dict[str, float] = {}
    for kind, each in launches:
        seconds[kind] = seconds.get(kind, 0.0) + each
    return list(seconds.items())


def _storage(used: Consumption, prices: PriceTable) -> tuple[CostItem, ...]:
    if not used.storage_gib:
        return ()
    seconds = max((clock.now() - used.started_at).total_seconds(), 0.0)
    usd = prices.storage_usd(used.storage_gib, seconds)
    return (_item("storage", f"{used.storage_gib:g} GiB of gp3", seconds, usd),)


def _requests(requests: Requests | None, prices: PriceTable) -> tuple[CostItem, ...]:
    if requests is None:
        return ()
    return (
        _item(
            "state transitions", "Step Functions", requests.transitions, prices.transitions_usd(requests.transitions)
        ),
        _item("function calls", "Lambda", requests.calls, prices.calls_usd(requests.calls)),
    )


def _item(kind: str, detail: str, amount: float, usd: float) -> CostItem:
    return CostItem.model_validate(
        {"kind": kind, "detail": detail, "amount": round(amount, 1), "usd": round(usd, _USD_DIGITS)}
    )
