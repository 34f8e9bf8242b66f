"""`fine-tune-slm runs`: the runs of this machine or of a stack."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from fine_tune_slm.commands.options import AsJson, gathers, whereabouts

DATES = ["%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"]

if TYPE_CHECKING:
    from fine_tune_slm.desk.place import Whereabouts


# the same names as in fine_tune_slm.desk.rows, which --help must not load; a test holds them together
class State(StrEnum):
    """How a run stands."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REJECTED = "rejected"
    ABORTED = "aborted"
    TIMED_OUT = "timed_out"
    UNFINISHED = "unfinished"


class Sort(StrEnum):
    """What the list is sorted by."""

    STARTED = "started"
    SCORE = "score"
    COST = "cost"
    TIME = "time"


@gathers(where=whereabouts)
def runs(
    state: Annotated[list[State] | None, typer.Option(help="Only runs that stand so; repeatable.")] = None,
    since: Annotated[
        datetime | None, typer.Option(formats=DATES, metavar="DATE", help="Only runs started then or later, UTC.")
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=DATES, metavar="DATE", help="Only runs started then or earlier, UTC.")
    ] = None,
    sort: Annotated[Sort, typer.Option(help="What comes first: the newest, the best, the dearest, the longest.")] = (
        Sort.STARTED
    ),
    last: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    *,
    where: Whereabouts,
    as_json: AsJson = False,
) -> None:
    """List runs, the newest first: the rehearsals of this machine, or the runs of a stack.

    Example: fine-tune-slm runs --state failed --since 2026-11-01 --stage prod
    """
    from fine_tune_slm.aws import aws_refusals_explained  # noqa: PLC0415
    from fine_tune_slm.desk.place import find_place  # noqa: PLC0415
    from fine_tune_slm.desk.rows import RunState, RunsWanted, SortKey  # noqa: PLC0415
    from fine_tune_slm.desk.runs_view import show_rows  # noqa: PLC0415

    wanted = RunsWanted(
        states=tuple(map(RunState, state or ())), since=_utc(since), until=_utc(until), sort=SortKey(sort), last=last
    )
    with aws_refusals_explained():
        rows = wanted.choose(find_place(where).rows())
    if as_json:
        print(json.dumps([row.model_dump(mode="json") for row in rows]))
    else:
        show_rows(rows, where)


def _utc(when: datetime | None) -> datetime | None:
    return when.replace(tzinfo=UTC) if when else None
