"""How several processes end together, and how a step is shared among them; nothing is started here."""

import pytest
from slm_core.errors import (
    BaseModelCorruptError,
    TrainingFailedError,
    TrainingInterruptedError,
    TrainingOutOfMemoryError,
)
from slm_core.layout import VolumePaths
from slm_core.records import Outcome

from training.batching import PlanOptions, plan_steps, share_of
from training.interruption import Interruption
from training.processes import RankEnd, RankRequest, error_of, torchrun_command, train_in_processes, verdict


def ended(error=None, written_ns=0, status=None):
    status = status or ("failed" if error else "succeeded")
    content = {"error": type(error).__name__, "message": str(error), "exit_code": error.exit_code} if error else {}
    return RankEnd(Outcome(run_id="run-1", fence=1, status=status, **content), written_ns)


FINE = ended()
SILENT = ended(status="running")
LOST_PARTNER = ended(TrainingFailedError("RuntimeError at training/engine.py:1"), 2)
OUT_OF_MEMORY = ended(TrainingOutOfMemoryError("full"), 9)
STOPPED = ended(TrainingInterruptedError("asked"), 3)
NEVER_BEGAN = RankEnd(None, 0)


@pytest.mark.parametrize(
    ("ends", "asked", "error"),
    [
        ([FINE, FINE], False, None),
        ([FINE, FINE], True, None),
        ([LOST_PARTNER, OUT_OF_MEMORY], False, TrainingOutOfMemoryError),
        (
            [ended(BaseModelCorruptError("torn"), 5), OUT_OF_MEMORY],
            False,
            BaseModelCorruptError,
        ),
        ([SILENT, OUT_OF_MEMORY], False, TrainingOutOfMemoryError),
        ([STOPPED, STOPPED], True, TrainingInterruptedError),
        ([STOPPED, SILENT], True, TrainingInterruptedError),
        ([NEVER_BEGAN, NEVER_BEGAN], True, TrainingInterruptedError),
        ([LOST_PARTNER, SILENT], False, TrainingFailedError),
        ([STOPPED, SILENT], False, TrainingFailedError),
        ([STOPPED, LOST_PARTNER], False, TrainingFailedError),
        ([NEVER_BEGAN, NEVER_BEGAN], False, TrainingFailedError),
    ],
)
def test_the_launch_ends_with_the_cause_and_not_with_what_followed_from_it(ends, asked, error):
    assert type(verdict(ends, was_asked_to_stop=asked)) is (error or type(None))


def test_a_process_that_died_without_a_word_is_named():
    assert "Process 2 of 2 died" in verdict([LOST_PARTNER, SILENT], was_asked_to_stop=False).message


def test_an_error_crosses_the_process_boundary_with_its_text_once():
    error = TrainingOutOfMemoryError("Memory ran out (training/engine.py:1).")
    assert str(error_of(ended(error).outcome)) == str(error)


def test_torchrun_stays_on_this_machine_and_gives_a_stop_time_to_save(tmp_path):
    command = torchrun_command(RankRequest("s3://b/runs/r/run.json", "r", 3, VolumePaths(tmp_path)), 4)
    assert command[command.index("--nproc-per-node") + 1] == "4"
    assert "127.0.0.1:0" in command
    assert 30 < int(command[command.index("--shutdown-timeout") + 1]) < 120


def test_a_torchrun_that_cannot_start_its_processes_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("training.processes.torchrun_command", lambda _request, _count: ["false"])
    request = RankRequest("s3://b/runs/r/run.json", "r", 3, VolumePaths(tmp_path))
    with pytest.raises(TrainingFailedError):
        train_in_processes(request, 2, Interruption())


LENGTHS = [*range(20, 120, 3), 400]
OPTIONS = PlanOptions(batch_size=8, max_tokens_per_batch=500, epochs=2, seed=1)


@pytest.mark.parametrize("count", [1, 2, 3, 16])
def test_the_shares_of_a_step_are_the_step_and_each_holds_the_token_budget(count):
    for step in plan_steps(LENGTHS, OPTIONS):
        shares = [share_of(step, LENGTHS, OPTIONS, (rank, count)) for rank in range(count)]
        dealt = [index for share in shares for micro_batch in share for index in micro_batch]
        assert sorted(dealt) == sorted(index for micro_batch in step for index in micro_batch)
        for micro_batch in (micro_batch for share in shares for micro_batch in share):
            assert max(LENGTHS[index] for index in micro_batch) * len(micro_batch) <= 500


def test_the_shares_of_a_step_take_about_the_same_time():
    for step in plan_steps([100] * 32, OPTIONS):
        tokens = [sum(100 * len(part) for part in share_of(step, [100] * 32, OPTIONS, (rank, 2))) for rank in (0, 1)]
        assert tokens[0] == tokens[1]
