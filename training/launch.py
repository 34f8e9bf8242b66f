"""The boundary of `python -m training train`: whatever happens inside becomes outcome.json and an exit code."""

from __future__ import annotations

from pathlib import Path

from loguru import logger
from slm_core.errors import ConfigInvalidError
from slm_core.layout import RUN_ID_PATTERN, VolumePaths, split_s3_uri
from slm_core.records import Outcome

from training.durable import write_durably
from training.failures import as_known_error, log_failure
from training.host import read_run_spec
from training.interruption import Interruption


def launch(run_uri: str, fence: int, work_dir: Path) -> int:
    """Run one launch of a run and return the exit code; outcome.json on the volume says how it ended.

    Raises: ConfigInvalidError when the URI names no run, so that there is no place for an outcome.
    """
    run_id = run_id_of(run_uri)
    volume = VolumePaths(work_dir)
    volume.run(run_id).mkdir(parents=True, exist_ok=True)
    # an earlier launch's outcome must not be taken for this one's
    volume.outcome(run_id).unlink(missing_ok=True)
    outcome = _attempt(run_uri, Outcome(run_id=run_id, fence=fence, status="running"), volume)
    write_durably(volume.outcome(run_id), outcome.model_dump_json(indent=2).encode())
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


def _attempt(run_uri: str, outcome: Outcome, volume: VolumePaths) -> Outcome:
    interruption = Interruption()
    interruption.listen()
    try:
        spec = read_run_spec(run_uri)
        if spec.run_id != outcome.run_id:
            raise ConfigInvalidError("run.json belongs to another run than its key says")
        # torch takes seconds to import: a wrong run.json is told at once
        from training.job import Launch, run_job

        run_job(Launch(spec, outcome.fence, volume, interruption))
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
        return outcome.model_copy(update=changes)
    return outcome.model_copy(update={"status": "succeeded", "exit_code": 0})
