"""SIGTERM strikes at once, or waits for the step to end."""

import os
import signal

import pytest
from slm_core.errors import TrainingInterruptedError

from training.interruption import Interruption


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
