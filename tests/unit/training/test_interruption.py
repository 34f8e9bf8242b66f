"""SIGTERM strikes at once, or waits for the step to end."""

import os
import signal
import time
from datetime import UTC, datetime, timedelta

import pytest
from slm_core import clock
from slm_core.errors import DeadlineExceededError, TrainingInterruptedError

from training.interruption import SAVING, Interruption, ended_before

DEADLINE = datetime(2026, 11, 22, 18, tzinfo=UTC)


@pytest.fixture
def interruption():
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    interruption = Interruption()
    interruption.listen()
    yield interruption
    for number, handler in kept.items():
        signal.signal(number, handler)


def test_outside_the_training_the_signal_raises_where_it_strikes(interruption):
    with pytest.raises(TrainingInterruptedError):
        os.kill(os.getpid(), signal.SIGTERM)


def test_inside_the_training_the_block_ends_first(interruption):
    steps = []

    def train():
        with interruption.deferred():
            os.kill(os.getpid(), signal.SIGTERM)
            steps.append(interruption.is_requested)

    with pytest.raises(TrainingInterruptedError):
        train()
    assert steps == [True]


def test_without_a_signal_the_block_just_ends(interruption):
    with interruption.deferred():
        pass
    assert not interruption.is_requested


def test_a_signal_after_the_work_does_not_keep_the_outcome_from_being_written(interruption):
    with interruption.listening():
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    assert not interruption.is_requested


def test_a_signal_is_passed_on_while_another_process_does_the_work(interruption):
    told = []
    with interruption.listening(), interruption.passed_on(lambda: told.append("stop")):
        os.kill(os.getpid(), signal.SIGTERM)
    assert (told, interruption.is_requested) == (["stop"], True)


def test_two_minutes_before_the_deadline_the_training_is_asked_to_save(interruption):
    deadline_at = clock.now() + SAVING + timedelta(seconds=0.3)
    saved = []

    def train():
        with ended_before(deadline_at), interruption.deferred():
            until = time.monotonic() + 10
            while not interruption.is_requested and time.monotonic() < until:
                time.sleep(0.01)
            saved.append(interruption.is_requested)

    with pytest.raises(DeadlineExceededError):
        train()
    assert saved == [True]


def test_a_launch_for_which_no_time_is_left_ends_at_once(interruption):
    with (
        pytest.raises(DeadlineExceededError, match="2026-11-22 18:00"),
        clock.use(lambda: DEADLINE),
        ended_before(DEADLINE),
    ):
        time.sleep(10)


def test_a_signal_long_before_the_deadline_stays_an_interruption(interruption):
    def train():
        with clock.use(lambda: DEADLINE - timedelta(hours=1)), ended_before(DEADLINE), interruption.deferred():
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(TrainingInterruptedError):
        train()


def test_without_a_deadline_nothing_is_asked(interruption):
    with ended_before(None):
        pass
    assert not interruption.is_requested
