"""The boundary of `python -m training train`: whatever happens inside becomes outcome.json and an exit code."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from loguru import logger
from slm_core.errors import ConfigInvalidError
from slm_core.layout import RUN_ID_PATTERN, VolumePaths, split_s3_uri
from slm_core.records import Outcome

from training.durable import reserve_space, write_durably
from training.failures import as_known_error, log_failure
from training.host import read_run_spec
from training.interruption import Interruption, ended_before
from training.processes import RankRequest, train_in_processes

DEADLINE_VARIABLE = "FINE_TUNE_SLM_DEADLINE"


def launch(run_uri: str, fence: int, work_dir: Path, processes: int | None = None) -> int:
    """Run one launch of a run and return the exit code; outcome.json on the volume says how it ended.

    Without a number of processes there is one for each visible GPU.

    Raises: ConfigInvalidError when the URI names no run, so that there is no place for an outcome.
    """
    request = RankRequest(run_uri, run_id_of(run_uri), fence, VolumePaths(work_dir))
    path = request.volume.outcome(request.run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    # an earlier launch's outcome must not be taken for this one's
    path.unlink(missing_ok=True)
    reserve = path.with_name(".reserve")
    running = Outcome(run_id=request.run_id, fence=fence, status="running")
    deadline_at = _deadline()

    def work(interruption: Interruption) -> None:
        with ended_before(deadline_at):
            _run(request, processes, reserve, interruption)

    outcome = attempt(running, work)
    # on a full disk this is the room that the outcome needs
    reserve.unlink(missing_ok=True)
    write_durably(path, outcome.model_dump_json(indent=2).encode())
    return outcome.exit_code or 0


def run_id_of(run_uri: str) -> str:
    """Return the run id in s3://BUCKET/runs/RUN_ID/run.json.

    Raises: ConfigInvalidError.
    """
    try:
        parts = split_s3_uri(run_uri)[1].split("/")
    except ValueError:
        parts = []
    if len(parts) != 3 or (parts[0], parts[2]) != ("runs", "run.json") or not RUN_ID_PATTERN.fullmatch(parts[1]):
        raise ConfigInvalidError("--run-uri must look like s3://BUCKET/runs/RUN_ID/run.json")
    return parts[1]


def attempt(running: Outcome, work: Callable[[Interruption], None]) -> Outcome:
    """Do the work and return the outcome, whatever happens; SIGTERM and SIGINT are taken over for it."""
    interruption = Interruption()
    try:
        with interruption.listening():
            work(interruption)
    except Exception as error:  # noqa: BLE001 -- the process boundary: every failure gets a name and an exit code
        known = as_known_error(error)
        log_failure(error)
        logger.error("{}: {}", type(known).__name__, known)
        changes = {
            "status": "failed",
            "exit_code": known.exit_code,
            "error": type(known).__name__,
            "message": str(known),
        }
        return running.model_copy(update=changes)
    return running.model_copy(update={"status": "succeeded", "exit_code": 0})


def _run(request: RankRequest, processes: int | None, reserve: Path, interruption: Interruption) -> None:
    reserve_space(reserve)
    spec = read_run_spec(request.run_uri)
    if spec.run_id != request.run_id:
        raise ConfigInvalidError("run.json belongs to another run than its key says")
    if (count := processes or _visible_gpus()) > 1:
        return train_in_processes(request, count, interruption)
    # torch takes seconds to import: a wrong run.json is told at once
    from training.job import Launch, run_job

    return run_job(Launch(spec, request.fence, request.volume, interruption))


def _deadline() -> datetime | None:
    told = os.environ.get(DEADLINE_VARIABLE)
    return datetime.fromisoformat(told) if told else None


def _visible_gpus() -> int:
    import torch

    return torch.cuda.device_count()
