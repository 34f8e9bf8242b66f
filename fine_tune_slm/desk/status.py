"""What `status` tells of a run: how it goes, or how it ended."""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console, RenderableType

from fine_tune_slm import summary
from fine_tune_slm.closing import SUCCEEDED, RunEnding, ended_run, show_result
from fine_tune_slm.desk.place import FoundRun, Whereabouts, next_commands
from fine_tune_slm.desk.stack import StackRun
from fine_tune_slm.failure_card import failure_card
from fine_tune_slm.kept_runs import KeptRun
from fine_tune_slm.live import LiveView
from fine_tune_slm.timeline import Timeline
from fine_tune_slm.watch import Manner, watch
from fine_tune_slm.wording import PHASES, progress_detail

POLL_SECONDS = 3.0
CTRL_C = 130
"""What a shell gives a command that Ctrl-C ended."""


def show_status(run: FoundRun, where: Whereabouts, console: Console, *, as_json: bool) -> None:
    """Print how a run ended, or how it goes.

    Raises: RunUnfinishedError, RunCutOffError for a rehearsal that was cut off.
    """
    if isinstance(run, StackRun):
        timeline = run.read_timeline()
        if not timeline.has_ended:
            _show_running(run, timeline, console, as_json=as_json)
            return
        show_result(_ending(run, timeline, where), console, as_json=as_json)
    else:
        assert isinstance(run, KeptRun)  # noqa: S101 - there are two kinds of place
        show_result(ended_run(run), console, as_json=as_json)


def watch_or_leave(run: FoundRun, where: Whereabouts, console: Console, *, as_json: bool) -> int:
    """Show a run until it has ended, then how it ended; return the exit code. Ctrl-C leaves the run to itself.

    Raises: RunUnfinishedError, RunCutOffError for a rehearsal that was cut off.
    """
    try:
        ending = _watched(run, where, console)
    except KeyboardInterrupt:
        console.print(
            f"Run {run.run_id} goes on without this view.\n{next_commands(run.run_id, where)}", soft_wrap=True
        )
        return CTRL_C
    show_result(ending, console, as_json=as_json)
    return 0 if ending.succeeded else 1


def _watched(run: FoundRun, where: Whereabouts, console: Console) -> RunEnding:
    if not isinstance(run, StackRun):
        assert isinstance(run, KeptRun)  # noqa: S101 - there are two kinds of place
        return ended_run(run)
    timeline = Timeline()
    with LiveView(console, timeline) as view:
        watch(run.execution, timeline, view, manner=Manner(run.outlook, POLL_SECONDS))
    return _ending(run, timeline, where)


def _ending(run: StackRun, timeline: Timeline, where: Whereabouts) -> RunEnding:
    record = run.read_record()
    card = None if timeline.status == SUCCEEDED else failure_card(run.run_id, record, timeline, where)
    return RunEnding(run, record, timeline, card)


def _show_running(run: StackRun, timeline: Timeline, console: Console, *, as_json: bool) -> None:
    progress = run.read_progress()
    ahead = run.outlook(progress) if progress else None
    if as_json:
        told: dict[str, Any] = {
            "run_id": run.run_id,
            "status": timeline.status.lower(),
            "states": summary.states_as_json(timeline),
        }
        documents = {"progress": progress, "outlook": ahead}
        told |= {name: document.model_dump(mode="json") if document else None for name, document in documents.items()}
        print(json.dumps(told, indent=1))
        return
    parts: list[RenderableType] = [summary.states_table(timeline)]
    if progress is not None:
        parts.append(f"{PHASES[progress.phase]}  {progress_detail(progress)}\n{ahead or ''}".rstrip())
    summary.show(console, *parts, f"[bold cyan]{run.run_id} {timeline.status}[/]")
