"""The training process dies in mid-run: the workflow relaunches it, and it goes on where its last checkpoint was."""

from __future__ import annotations

import io

from rich.console import Console

from fine_tune_slm.rehearsal import rehearse


def test_a_killed_training_is_relaunched_from_its_last_checkpoint_and_succeeds(request_of):
    said = io.StringIO()
    request = request_of(
        run_name="killed",
        execution_input='{"training": {"epochs": 8, "checkpoint_steps": 4}}',
        kill_training_at_step=4,
    )
    result = rehearse(request, Console(file=said, width=160))
    assert "fault injected: SIGKILL" in said.getvalue()
    assert result.timeline.status == "SUCCEEDED", result.card
    assert result.record.relaunches == 1
    assert result.record.metrics.training.resumed_from_step > 0
    assert result.record.instance.state == "stopped"
    visits = {total.name: total.visits for total in result.timeline.totals()}
    assert (visits["StopBeforeRelaunch"], visits["StartTraining"]) == (1, 2)
