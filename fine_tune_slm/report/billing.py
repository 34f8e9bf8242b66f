"""When the instance was billed, and in which state of the workflow that was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from slm_core.records import InstanceRecord, RunRecord

from fine_tune_slm.timeline import Timeline


@dataclass(frozen=True)
class Stretch:
    """From the launch of the instance to its stop."""

    begins_at: datetime
    ends_at: datetime


def billed_stretches(record: RunRecord | None) -> list[Stretch]:
    """Return when the instance ran; one that was not seen stopped counts until the record was written."""
    if record is None or record.instance is None:
        return []
    return [
        Stretch(begins_at, max(begins_at, ends_at or record.finished_at))
        for begins_at, ends_at in _launches(record.instance)
    ]


def billed_by_state(timeline: Timeline, stretches: Sequence[Stretch]) -> dict[str, float]:
    """Return the seconds of each state in which the instance ran."""
    seconds: dict[str, float] = {}
    for visit in timeline.visits:
        left_at = visit.left_at or timeline.ended_at or visit.entered_at
        shared = sum(_overlap(stretch, visit.entered_at, left_at) for stretch in stretches)
        seconds[visit.name] = seconds.get(visit.name, 0.0) + shared
    return seconds


def _launches(instance: InstanceRecord) -> list[tuple[datetime, datetime | None]]:
    if instance.launches:
        return [(launch.launched_at, launch.stopped_at) for launch in instance.launches]
    # a record of before launches were listed
    return [(instance.launched_at, instance.stopped_at)] if instance.launched_at else []


def _overlap(stretch: Stretch, begins_at: datetime, ends_at: datetime) -> float:
    shared = min(stretch.ends_at, ends_at) - max(stretch.begins_at, begins_at)
    return max(shared.total_seconds(), 0.0)
