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

# beside the untuned model that was timed: a tuned one ends its answers sooner, and its adapter costs a little
EVALUATION_LOW, EVALUATION_HIGH = 0.5, 1.25
# answers that are being written may end together: what is extrapolated from those that have ended is the most
ENDING_LOW = 0.25
# from packaging to the end of the run. Rehearsals took 10 to 20 s, most of it the wait for the workflow's next look
AFTERWARDS_HERE = Range(low=5, high=40)
# the same wait, the stop of a real instance (up to 3 minutes), cold functions
AFTERWARDS_IN_ACCOUNT = Range(low=25, high=240)
# the adapter is uploaded, copied to the archive, read again and published
ADAPTER_BYTES_PER_SECOND_LOW, ADAPTER_BYTES_PER_SECOND_HIGH = 5e6, 1e8
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
        return f"whole run: {duration(self.seconds.low)} to {duration(self.seconds.high)} to go{more}"

    def _money(self) -> str:
        if self.spent_usd is None:
            return ""
        to_go, more = self.to_go_usd, "" if self.is_whole else " and more"
        later = f", {dollars(to_go.low)} to {dollars(to_go.high)}{more} to go" if to_go else ""
        return f"{dollars(self.spent_usd)} so far{later}"


def rehearsal_outlook(progress: Progress) -> Outlook:
    """Return what is left of a rehearsal; an emulated instance costs nothing."""
    seconds, is_whole = time_left(progress, AFTERWARDS_HERE)
    return Outlook(seconds=seconds, is_whole=is_whole)


def outlook(progress: Progress, launches: Sequence[Launch], prices: PriceTable, now: datetime) -> Outlook:
    """Return what is left of a run in an account, and its cost at list price where its launches are known."""
    seconds, is_whole = time_left(progress, afterwards_in_account(progress.adapter_size_bytes or 0))
    if not launches:
        return Outlook(seconds=seconds, is_whole=is_whole)
    price = prices.usd_per_hour.get(launches[-1].instance_type)
    to_go = None if seconds is None or price is None else _scaled(seconds, price / 3600)
    return Outlook(seconds=seconds, is_whole=is_whole, spent_usd=_spent(launches, prices, now), to_go_usd=to_go)


def afterwards_in_account(adapter_size_bytes: int) -> Range:
    """Return how long a run in an account takes from packaging to its end.

    Units: seconds.
    """
    moving = Range(
        low=adapter_size_bytes / ADAPTER_BYTES_PER_SECOND_HIGH, high=adapter_size_bytes / ADAPTER_BYTES_PER_SECOND_LOW
    )
    return _sum(AFTERWARDS_IN_ACCOUNT, moving)


def time_left(progress: Progress, afterwards: Range) -> tuple[Range | None, bool]:
    """Return the time to the end of the run, and whether it holds all that is to come.

    Units: seconds; `afterwards` is the time from packaging to the end.
    """
    if progress.phase is Phase.TRAINING:
        training, evaluation = _training_left(progress), _evaluation_as_timed(progress)
        if training is None or evaluation is None:
            return training, False
        return _sum(training, evaluation, afterwards), True
    if progress.phase is Phase.EVALUATING_AFTER:
        evaluation = _evaluation_left(progress)
        return (_sum(evaluation, afterwards), True) if evaluation else (None, False)
    if progress.phase in {Phase.PACKAGING, Phase.DONE}:
        return afterwards, True
    return None, False


def _evaluation_as_timed(progress: Progress) -> Range | None:
    """Return how long the evaluation after tuning takes, by the one before it; None where that came from the cache."""
    if progress.evaluation_seconds is None:
        return None
    return _scaled(Range(low=EVALUATION_LOW, high=EVALUATION_HIGH), progress.evaluation_seconds)


def _evaluation_left(progress: Progress) -> Range | None:
    whole, at_most = _evaluation_as_timed(progress), progress.seconds_left
    if at_most is None:
        return whole
    if whole is not None:
        at_most = min(at_most, whole.high * (1 - progress.step / progress.total_steps))
    return Range(low=at_most * ENDING_LOW, high=at_most)


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
