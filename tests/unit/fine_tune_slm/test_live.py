from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console
from slm_core.records import Phase, Progress
from slm_core.sizing.duration import Range

from fine_tune_slm.desk.outlook import Outlook
from fine_tune_slm.live import LiveView, StateNarrator
from fine_tune_slm.timeline import Timeline


def plain_view(timeline: Timeline, now: list[float]) -> tuple[LiveView, io.StringIO]:
    out = io.StringIO()
    return LiveView(Console(file=out, width=120), timeline, clock=lambda: now[0]), out


def progress(**changes) -> Progress:
    content = {"run_id": "r", "fence": 1, "phase": Phase.TRAINING, "step": 4, "total_steps": 32, "loss": 0.81234}
    return Progress(**content | {"updated_at": datetime(2030, 1, 1, tzinfo=UTC)} | changes)


def narrate(history) -> list[str]:
    """Return what a reader sees when every event arrives alone."""
    timeline = Timeline()
    narrator = StateNarrator(timeline)
    return [line for event in history.events for line in narrator.lines(timeline.ingest([event]))]


def test_a_task_is_told_when_it_is_entered_and_when_it_is_left(history):
    lines = narrate(history().state("PrepareRun", 4.0))
    assert len(lines) == 2
    assert "PrepareRun" in lines[0]
    assert "PrepareRun  4.0 s" in lines[1]


def test_thirty_polls_make_one_line(history):
    polled = history()
    for _ in range(31):
        polled.poll(10)
    lines = narrate(polled.state("ArchiveArtifacts"))
    assert len(lines) < 12
    [summary] = [line for line in lines if "more times" in line]
    assert "30 more times AwaitTraining, CheckTraining, HowTrainingGoes" in summary
    assert "5 min 15 s" in summary


def test_every_relaunch_is_told(history):
    twice = history().state("StartInstance").poll().state("StopBeforeRelaunch")
    twice.state("StartInstance").poll().state("StopBeforeRelaunch").state("StartInstance")
    lines = narrate(twice)
    assert sum("> StopBeforeRelaunch" in line.replace("[/]", "") for line in lines) == 2
    assert sum("> StartInstance" in line.replace("[/]", "") for line in lines) == 3


def test_a_failed_state_is_told_with_its_error(failed_history):
    assert any("! StartTraining" in line and "CommandUndeliverableError" in line for line in narrate(failed_history))


def test_without_a_terminal_progress_is_a_line_every_ten_seconds():
    now = [0.0]
    view, out = plain_view(Timeline(), now)
    for second in range(25):
        now[0] = second
        view.progress(progress(step=second))
    assert [line.split()[2] for line in out.getvalue().splitlines()] == ["0/32", "10/32", "20/32"]


def test_without_a_terminal_a_checkpoint_and_a_new_phase_are_told_at_once():
    view, out = plain_view(Timeline(), [0.0])
    view.progress(progress(step=8))
    view.progress(progress(step=9, checkpoint_step=8))
    view.progress(progress(step=0, total_steps=32, phase=Phase.EVALUATING_AFTER))
    lines = out.getvalue().splitlines()
    assert len(lines) == 3
    assert "checkpoint 8" in lines[1]
    assert "evaluating after tuning  record 0/32" in lines[2]


@pytest.mark.parametrize("phase", [Phase.DOWNLOADING, Phase.TRAINING])
def test_on_a_terminal_there_is_a_bar_and_it_is_closed(phase):
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, width=120)
    with LiveView(console, Timeline()) as view:
        view.progress(progress(phase=phase))
        view.progress(progress(phase=Phase.EVALUATING_AFTER, step=3))
        view.say("a line above")
    assert "evaluating after tuning" in out.getvalue()
    assert out.getvalue().rstrip().endswith("\x1b[?25h")  # the cursor is shown again


def test_a_progress_line_says_loss_speed_and_time_left():
    view, out = plain_view(Timeline(), [0.0])
    view.progress(progress(tokens_per_second=210.4, seconds_left=95, resumed_from_step=3))
    [line] = out.getvalue().splitlines()
    assert "loss 0.812  210 tokens/s  resumed from step 3  about 1 min 35 s left of this phase" in line


def test_what_is_left_stands_below_the_bar_and_behind_the_plain_line():
    ahead = Outlook(seconds=Range(low=60, high=120), is_whole=True, spent_usd=1.5, to_go_usd=Range(low=0.2, high=0.4))
    out = io.StringIO()
    with LiveView(Console(file=out, force_terminal=True, width=120), Timeline()) as view:
        view.progress(progress(losses=(3.0, 2.0, 1.0)), ahead)
    shown = out.getvalue()
    assert "█▅▁" in shown or "█▄▁" in shown
    assert "whole run: 1 min 00 s to 2 min 00 s to go   $1.50 so far, $0.20 to $0.40 to go" in shown
    plain, text = plain_view(Timeline(), [0.0])
    plain.progress(progress(), ahead)
    assert text.getvalue().endswith("$1.50 so far, $0.20 to $0.40 to go\n")
