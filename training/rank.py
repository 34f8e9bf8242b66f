"""`python -m training.rank`: one of the processes of a launch, started by torchrun (training/processes.py)."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from slm_core.layout import VolumePaths
from slm_core.records import Outcome

from training.allocator import keep_freed_memory
from training.cli import prepare_process
from training.durable import write_durably
from training.host import read_run_spec
from training.interruption import Interruption
from training.launch import attempt, run_id_of
from training.processes import RankRequest


def main(arguments: list[str]) -> int:
    """Take part in a launch and return the exit code; how this process ended is written beside the run's outcome."""
    run_uri, fence, work_dir = arguments
    rank = int(os.environ["RANK"])
    prepare_process(log_level="WARNING" if rank else "INFO")
    keep_freed_memory()
    request = RankRequest(run_uri, run_id_of(run_uri), int(fence), VolumePaths(Path(work_dir)))
    running = Outcome(run_id=request.run_id, fence=request.fence, status="running")
    write_durably(request.outcome(rank), running.model_dump_json().encode())
    outcome = attempt(running, lambda interruption: _take_part(request, interruption))
    write_durably(request.outcome(rank), outcome.model_dump_json().encode())
    return outcome.exit_code or 0


def _take_part(request: RankRequest, interruption: Interruption) -> None:
    from training.distributed import join_ranks
    from training.job import Launch, run_job

    spec = read_run_spec(request.run_uri)
    run_job(Launch(spec, request.fence, request.volume, interruption, join_ranks()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
