"""The course of `start` and `resume` on a stack: the plan, the question, the start, and the watching."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import typer
from rich.console import Console

from fine_tune_slm import summary
from fine_tune_slm.desk.place import Whereabouts, next_commands
from fine_tune_slm.desk.stack import StackRun, StackRuns
from fine_tune_slm.desk.starting import StartPlan, plan_start, require_no_other, start
from fine_tune_slm.desk.status import watch_or_leave
from fine_tune_slm.errors import ArgumentInvalidError
from fine_tune_slm.project import find_project


@dataclass(frozen=True)
class Launch:
    """What is to be started, and how much is asked and shown."""

    execution_input: str
    prefix: str = "run"
    config_file: Path | None = None
    is_dry: bool = False
    is_agreed: bool = False
    is_watched: bool = False
    is_json: bool = False


def launch(runs: StackRuns, wanted: Launch, where: Whereabouts) -> int:
    """Say what will be done, ask, start and perhaps watch; return the exit code.

    Raises: RequestError and CommandLineError for whatever cannot be started; nothing has been then.
    """
    console = Console(stderr=wanted.is_json, highlight=False)
    plan = plan_start(runs.stack, wanted.execution_input, wanted.config_file, find_project())
    console.print(summary.places_text(plan.rows()), soft_wrap=True)
    if wanted.is_dry:
        _tell(plan, None, wanted, console)
        return 0
    require_no_other(runs)
    _require_consent(is_agreed=wanted.is_agreed)
    run = start(runs, plan.execution_input, wanted.prefix)
    if wanted.is_watched:
        console.print(f"\nRun {run.run_id} was started.", soft_wrap=True)
        return watch_or_leave(run, where, console, as_json=wanted.is_json)
    _tell(plan, run, wanted, console)
    if not wanted.is_json:
        console.print(f"\n{next_commands(run.run_id, where)}", soft_wrap=True)
    return 0


def rehearse_again(wanted: Launch, root: Path) -> None:
    """Rehearse with the input that goes on.

    Raises: RehearsalFailedError, and what RehearsalRequest.require_possible raises.
    """
    from fine_tune_slm.rehearsal_request import RehearsalRequest  # noqa: PLC0415 - a stack's run needs none

    if wanted.is_dry:
        print(json.dumps({"input": json.loads(wanted.execution_input)}))
        return
    project, name = find_project(), wanted.prefix
    request = RehearsalRequest(project=project, execution_input=wanted.execution_input, run_name=name, root=root)
    request.require_possible()
    from fine_tune_slm.rehearsal import rehearse_and_show  # noqa: PLC0415 - moto takes its time

    rehearse_and_show(request, as_json=wanted.is_json)


def _tell(plan: StartPlan, run: StackRun | None, wanted: Launch, console: Console) -> None:
    if wanted.is_json:
        arn = run.execution.execution_arn if run else None
        print(json.dumps({"run_id": run.run_id if run else None, "execution_arn": arn, "plan": plan.as_json()}))
    else:
        console.print(f"\nRun {run.run_id} was started." if run else "\nNothing was started.", soft_wrap=True)


def _require_consent(*, is_agreed: bool) -> None:
    if is_agreed:
        return
    if not sys.stdin.isatty():
        raise ArgumentInvalidError("Nobody can be asked without a terminal: add --yes")
    typer.confirm("Start it?", abort=True, err=True)
