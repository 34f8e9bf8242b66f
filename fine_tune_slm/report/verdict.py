"""The first lines of a report: how the run ended, and what that means for the model."""

from __future__ import annotations

from dataclasses import dataclass

from slm_core import scoreboard

from fine_tune_slm.report.facts import ReportFacts
from fine_tune_slm.wording import duration

SUCCEEDED, REJECTED = "SUCCEEDED", "REJECTED"


@dataclass(frozen=True)
class Verdict:
    """How a run ended, in words; colour only repeats them."""

    status: str
    seconds: str
    sentences: tuple[str, ...]

    @property
    def is_good(self) -> bool:
        """Return whether the run did all that it was asked."""
        return self.status == SUCCEEDED


def verdict_of(facts: ReportFacts) -> Verdict:
    """Return the verdict on a run."""
    is_rejected = facts.record is not None and facts.record.status == "rejected"
    told = (_failure(facts), _scores(facts), _gate(facts), _publication(facts))
    return Verdict(
        status=REJECTED if is_rejected else facts.timeline.status,
        seconds=duration(facts.timeline.seconds),
        sentences=tuple(sentence for sentence in told if sentence),
    )


def _failure(facts: ReportFacts) -> str:
    if facts.card is None or (facts.record and facts.record.status == "rejected"):
        return ""
    where = facts.card.state or "an unknown state"
    return f"{facts.card.error} in {where}: {facts.card.cause.splitlines()[0]}"


def _scores(facts: ReportFacts) -> str:
    if facts.metrics is None:
        return ""
    before, after, gain = facts.metrics.before, facts.metrics.after, facts.metrics.gain
    reached = f"Macro-F1 {scoreboard.score(after.macro_f1)} ({scoreboard.interval(after.macro_f1_interval)})"
    if before is None:
        return f"{reached}; the untuned model was not measured."
    earlier = f"{reached}, {scoreboard.score(before.macro_f1)} before tuning"
    if gain is None:
        return f"{earlier}."
    rise = scoreboard.difference(gain.macro_f1)
    return f"{earlier}, a gain of {rise} ({scoreboard.difference_interval(gain.macro_f1)})."


def _gate(facts: ReportFacts) -> str:
    bounds = facts.gate
    if not bounds:
        return ""
    missed = sum(not bound.is_met for bound in bounds)
    return f"{missed or 'None'} of the gate's {len(bounds)} bounds missed."


def _publication(facts: ReportFacts) -> str:
    record = facts.record
    if record is None or record.metrics is None:
        return ""
    if record.hub_repo:
        return f"Published as {record.hub_repo} at {record.hub_revision}."
    return "Not published; the archive is kept." if record.archive_uri else ""
