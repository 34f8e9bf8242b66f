"""The rehearsal: the whole workflow, once, on this machine, from an empty emulated account to a report."""

from __future__ import annotations

import secrets
import shutil
import time
from datetime import datetime
from typing import Any

from rich.console import Console
from slm_core.records import RunRecord

from fine_tune_slm.built import Built, find_built
from fine_tune_slm.closing import RunResult, run_result, show_result, write_run_report
from fine_tune_slm.desk.rehearsals import RehearsalNote, read_note
from fine_tune_slm.emulator_log import emulator_log
from fine_tune_slm.errors import ArgumentInvalidError, RehearsalFailedError
from fine_tune_slm.faults import requested_fault
from fine_tune_slm.interruption import is_at_rest, stop_execution, termination_as_ctrl_c
from fine_tune_slm.kept_runs import KeptRun, KeptRuns
from fine_tune_slm.live import LiveView
from fine_tune_slm.local_image import IMAGE, container_engine
from fine_tune_slm.local_model import ensure_local_model
from fine_tune_slm.localcloud import LocalCloud, LocalCloudSettings
from fine_tune_slm.naming import stack_name
from fine_tune_slm.rehearsal_request import RehearsalRequest
from fine_tune_slm.stage import Stage, StageSpec, set_up
from fine_tune_slm.timeline import ENDED_FROM_OUTSIDE, Timeline
from fine_tune_slm.watch import WatchedExecution, watch

REAPER_SECONDS, REAPER_LOOK_SECONDS = 120.0, 0.5


def rehearse_and_show(request: RehearsalRequest, *, as_json: bool) -> None:
    """Rehearse, with a live view, and print how it ended.

    Raises: RehearsalFailedError when the run did not succeed.
    """
    console = Console(stderr=as_json, highlight=False)
    with termination_as_ctrl_c():
        result = rehearse(request, console)
    show_result(result, console, as_json=as_json)
    if request.keep_runs is not None:
        KeptRuns(request.root).keep_newest(request.keep_runs)
    if not result.succeeded:
        raise RehearsalFailedError(f"Run {result.run.run_id} ended {result.timeline.status}")


def rehearse(request: RehearsalRequest, console: Console) -> RunResult:
    """Return how one execution of the workflow ended on this machine; everything of it is kept under the root.

    Raises: KeyboardInterrupt that says what became of the run; FineTuneSlmError of the part that failed.
    """
    run = KeptRuns(request.root).run(_new_run_id(request.run_name))
    try:
        return _rehearse(request, run, console)
    except KeyboardInterrupt:
        if read_note(run) is not None:
            raise
        shutil.rmtree(run.directory, ignore_errors=True)
        raise KeyboardInterrupt(
            f"Ctrl-C ended rehearse before run {run.run_id} was started: nothing of it goes on, and nothing is kept."
        ) from None


def _rehearse(request: RehearsalRequest, run: KeptRun, console: Console) -> RunResult:
    built = find_built(request.project) if request.is_built else None
    base_model = request.base_model or ensure_local_model(request.root, request.project)
    settings = _settings(request, run, built)
    what = "what sam built" if built else "template.yaml"
    console.print(f"[bold]{run.run_id}[/]: starting the emulated AWS, deploying {what}", soft_wrap=True)
    with emulator_log(run.directory / "logs" / "emulator.log"), LocalCloud(settings) as cloud:
        stage = set_up(
            cloud,
            StageSpec(
                project=request.project,
                config_file=request.config_file,
                base_model=base_model,
                dataset=request.dataset,
                template=built.template if built else None,
                image=IMAGE if settings.container_engine else None,
            ),
        )
        result = _run(request, cloud, stage, run, console)
    if result.archive is not None:
        KeptRuns.of(run).mark_latest(run)
    write_run_report(result)
    return result


def _settings(request: RehearsalRequest, run: KeptRun, built: Built | None) -> LocalCloudSettings:
    chosen: dict[str, Any] = {
        "root": run.directory,
        "volume": request.root / "volume",
        "wait_scale": request.wait_scale,
    }
    if built is not None:
        chosen["lambda_python"] = built.python
    if request.engine != "process":
        # a volume of its own: the image's user cannot write what a process of yours made on the other one
        chosen |= {"volume": request.root / "volume-container"}
        chosen |= {"container_engine": container_engine(request.engine, request.project)}
    return LocalCloudSettings(**chosen)


def _run(request: RehearsalRequest, cloud: LocalCloud, stage: Stage, run: KeptRun, console: Console) -> RunResult:
    execution = _start(request, cloud, stage, run.run_id)
    note = RehearsalNote(
        endpoint_url=cloud.endpoint_url,
        region=cloud.settings.region,
        stack=stack_name(),
        execution_input=request.execution_input,
    )
    note.write(run)
    timeline = Timeline()
    try:
        with LiveView(console, timeline) as view:
            fault = requested_fault(request.kill_training_at_step, cloud, stage.outputs["InstanceId"], view)
            watch(execution, timeline, view, fault)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(stop_execution(cloud, execution, stage.outputs["InstanceId"], console)) from None
    record = _record(execution, timeline)
    cloud.save_objects()
    return run_result(run, record, timeline)


def _record(execution: WatchedExecution, timeline: Timeline) -> RunRecord | None:
    """Return the run's record; of an execution that was ended from outside, the reaper has the last word on it."""
    deadline = time.monotonic() + REAPER_SECONDS
    record = execution.record()
    while timeline.status in ENDED_FROM_OUTSIDE and not is_at_rest(record) and time.monotonic() < deadline:
        time.sleep(REAPER_LOOK_SECONDS)
        record = execution.record()
    return record


def _start(request: RehearsalRequest, cloud: LocalCloud, stage: Stage, run_id: str) -> WatchedExecution:
    """Start the execution with the user's input, as it stands.

    Raises: ArgumentInvalidError when Step Functions itself refuses it.
    """
    states = cloud.client("stepfunctions")
    try:
        started = states.start_execution(
            stateMachineArn=stage.outputs["StateMachineArn"], name=run_id, input=request.execution_input
        )
    except (states.exceptions.InvalidExecutionInput, states.exceptions.ClientError) as error:
        code = error.response["Error"]["Code"]
        raise ArgumentInvalidError(f"Step Functions refused the execution input with {code}") from error
    return WatchedExecution(states, cloud.client("s3"), started["executionArn"], stage.bucket)


def _new_run_id(prefix: str) -> str:
    return f"{prefix}-{datetime.now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"  # noqa: DTZ005 - the user's own clock
