"""What a run cost, a row for each kind of cost; a kind that the record comes to tell is one more row here."""

from __future__ import annotations

from slm_core.records import CostItem, RunRecord

from fine_tune_slm import wording

TIMED = ("instance", "storage")
LEFT_OUT = "network, logs, requests to S3 and the functions' computing time are left out"


def cost_sentence(record: RunRecord | None, *, is_emulated: bool) -> str:
    """Return what the run cost; for a rehearsal, what the emulated instance's time would have cost."""
    if record is None or record.cost_usd is None or record.instance is None:
        return "No instance time was recorded."
    kind = record.instance.instance_type or "instance"
    time = f"{wording.duration(record.billed_seconds)} of {kind}"
    if is_emulated:
        price = wording.dollars(record.cost_usd)
        return f"Emulated: nothing was billed. {time} at list price would have cost about {price}."
    return f"{time}: about {wording.dollars(record.cost_usd)} at list price; {LEFT_OUT}."


def cost_rows(record: RunRecord | None) -> list[tuple[str, str, str]]:
    """Return (what, how much of it, dollars) for every kind of cost that the record tells."""
    if record is None or record.cost_usd is None or record.instance is None:
        return []
    if not record.costs:  # a record of before costs were listed
        kind = record.instance.instance_type or "instance"
        return [(f"instance time, {kind}", wording.duration(record.billed_seconds), wording.dollars(record.cost_usd))]
    rows = [(f"{item.kind}, {item.detail}", _amount(item), wording.dollars(item.usd)) for item in record.costs]
    return [*rows, ("in all", "", wording.dollars(record.cost_usd))]


def _amount(item: CostItem) -> str:
    return wording.duration(item.amount) if item.kind in TIMED else f"{item.amount:,.0f}"


def training_share(record: RunRecord | None) -> str:
    """Return which part of the billed time trained; an empty string when that is not known."""
    if record is None or record.metrics is None or not record.billed_seconds:
        return ""
    seconds = record.metrics.training.seconds
    # a run that went on from another one's checkpoint counts the steps of both
    if record.metrics.training.resumed_from_step or seconds > record.billed_seconds:
        return ""
    return (
        f"Of the billed time, {wording.duration(seconds)} ({seconds / record.billed_seconds:.0%}) went into optimiser "
        "steps; the rest into starting, loading, both evaluations, packaging and stopping."
    )
