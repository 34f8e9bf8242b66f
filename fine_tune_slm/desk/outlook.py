"""How long a run still takes, what it cost and will cost: ranges, out of its own pace. Pure: no boto3 here."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from slm_core.lease import Launch
from slm_core.prices import PriceTable
from slm_core.records import Phase, Progress
from slm_core.sizing.duration import Range
from slm_core.training_config import Frozen

from fine_tune_slm.wording import dollars, duration

# a tuned model ends its answers sooner or later than the untuned one that was timed
EVALUATION_LOW, EVALUATION_HIGH = 0.5, 1.5
# from packaging to the stopped instance
AFTERWARDS = Range(low=20, high=300)
UNSURE_LOW, UNSURE_HIGH = 0.8, 1.25


class Outlook(Frozen):
    """What is left of a run and what it costs; None is what nobody can know yet."""

    seconds: Range | None
    is_whole: bool
    """Whether the time holds everything that is left, or an evaluation is to come that was never timed."""
    spent_usd: float | None = None
    to_go_usd: Range | None = None

    def __str__(self) -> str:
        parts = [self._time(), self._money()]
        return "   ".join(part for part in parts if part)

    def _time(self) -> str:
        if self.seconds is None:
            return ""
        more = "" if self.is_whole else ", and the last evaluation"
        return f"{duration(self.seconds.low)} to {duration(self.seconds.high)} to go{more}"

    def _money(self) -> str:
        if self.spent_usd is None:
            return ""
        to_go, more = self.to_go_usd, "" if self.is_whole else " and more"
        later = f", {dollars(to_go.low)} to {dollars(to_go.high)}{more} to go" if to_go else ""
        return f"{dollars(self.spent_usd)} so far{later}"


def outlook(progress: Progress, launches: Sequence[Launch], prices: PriceTable | None, now: datetime) -> Outlook:
    """Return what is left of a run, and its cost at list price where launches and prices are given."""
    seconds, is_whole = time_left(progress)
    if prices is None or not launches:
        return Outlook(seconds=seconds, is_whole=is_whole)
    price = prices.usd_per_hour.get(launches[-1].instance_type)
    to_go = None if seconds is None or price is None else _scaled(seconds, price / 3600)
    return Outlook(seconds=seconds, is_whole=is_whole, spent_usd=_spent(launches, prices, now), to_go_usd=to_go)


def time_left(progress: Progress) -> tuple[Range | None, bool]:
    """Return the time to the end of the run, and whether it holds all that is to come."""
    if progress.phase is Phase.TRAINING:
        training, evaluation = _training_left(progress), progress.evaluation_seconds
        if training is None or evaluation is None:
            return training, False
        ahead = Range(low=evaluation * EVALUATION_LOW, high=evaluation * EVALUATION_HIGH)
        return _sum(training, ahead, AFTERWARDS), True
    if progress.phase is Phase.EVALUATING_AFTER and progress.seconds_left is not None:
        left = Range(low=progress.seconds_left * UNSURE_LOW, high=progress.seconds_left * UNSURE_HIGH)
        return _sum(left, AFTERWARDS), True
    if progress.phase in {Phase.PACKAGING, Phase.DONE}:
        return AFTERWARDS, True
    return None, False


def _training_left(progress: Progress) -> Range | None:
    steps = progress.total_steps - progress.step
    pace = progress.step_seconds_quartiles
    if pace is not None:
        return Range(low=steps * pace.low, high=steps * pace.high)
    if progress.seconds_left is None:
        return None
    return Range(low=progress.seconds_left * UNSURE_LOW, high=progress.seconds_left * UNSURE_HIGH)


def _spent(launches: Sequence[Launch], prices: PriceTable, now: datetime) -> float | None:
    if any(launch.instance_type not in prices.usd_per_hour for launch in launches):
        return None
    return sum(
        prices.cost_usd(launch.instance_type, prices.billed_seconds((launch.stopped_at or now) - launch.launched_at))
        for launch in launches
    )


def _sum(*ranges: Range) -> Range:
    return Range(low=sum(one.low for one in ranges), high=sum(one.high for one in ranges))


def _scaled(one: Range, factor: float) -> Range:
    return Range(low=one.low * factor, high=one.high * factor)
