"""Heartbeats are throttled, and a lost one harms nobody."""

import pytest
from botocore.exceptions import EndpointConnectionError
from slm_core.records import Phase, Progress

from training.heartbeat import Heartbeat, Pace


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def test_progress_is_sent_every_five_seconds_at_most(spec, tmp_path, clock):
    sent = []
    heartbeat = Heartbeat(spec, 3, tmp_path / "progress.json", sent.append, clock)
    heartbeat.enter(Phase.TRAINING, 32)
    for step in range(1, 11):
        clock.now += 1.0
        heartbeat.beat(step=step)
    assert [progress.step for progress in sent] == [0, 5, 10]


def test_a_change_of_phase_is_sent_at_once(spec, tmp_path, clock):
    sent = []
    heartbeat = Heartbeat(spec, 3, tmp_path / "progress.json", sent.append, clock)
    heartbeat.enter(Phase.TRAINING, 32)
    heartbeat.enter(Phase.EVALUATING_AFTER, 8)
    assert [progress.phase for progress in sent] == [Phase.TRAINING, Phase.EVALUATING_AFTER]
    assert sent[-1].fence == 3


def test_the_hosts_guard_finds_the_same_progress_on_the_volume(spec, tmp_path, clock):
    sent = []
    Heartbeat(spec, 3, tmp_path / "progress.json", sent.append, clock).enter(Phase.TRAINING, 32)
    assert Progress.model_validate_json((tmp_path / "progress.json").read_bytes()) == sent[0]


def test_a_heartbeat_that_cannot_be_sent_does_not_end_the_training(spec, tmp_path, clock):
    def fail(_progress):
        raise EndpointConnectionError(endpoint_url="http://127.0.0.1:1")

    Heartbeat(spec, 3, tmp_path / "progress.json", fail, clock).enter(Phase.TRAINING, 32)
    assert (tmp_path / "progress.json").exists()


def test_an_error_of_our_own_in_sending_is_not_swallowed(spec, tmp_path, clock):
    def fail(_progress):
        raise TypeError

    with pytest.raises(TypeError):
        Heartbeat(spec, 3, tmp_path / "progress.json", fail, clock).enter(Phase.TRAINING, 32)


def test_pace_is_the_median_step_and_the_mean_rate():
    pace = Pace()
    assert pace.median_step_seconds is None
    assert pace.tokens_per_second is None
    for seconds in (1.0, 1.0, 10.0):
        pace.add(seconds, 100)
    assert pace.median_step_seconds == 1.0
    assert pace.tokens_per_second == 25.0


def test_the_evaluation_before_tuning_is_timed_unless_it_came_from_the_cache(spec, tmp_path, clock):
    sent = []
    heartbeat = Heartbeat(spec, 3, tmp_path / "progress.json", sent.append, clock)
    heartbeat.enter(Phase.EVALUATING_BEFORE, 32)
    clock.now += 40.0
    heartbeat.beat(step=32)
    heartbeat.enter(Phase.TRAINING, 80)
    assert sent[-1].evaluation_seconds == 40.0
    clock.now += 400.0
    heartbeat.enter(Phase.EVALUATING_AFTER, 32)
    assert sent[-1].evaluation_seconds == 40.0

    cached = Heartbeat(spec, 3, tmp_path / "progress.json", sent.append, clock)
    cached.enter(Phase.EVALUATING_BEFORE, 32)
    clock.now += 0.1
    cached.enter(Phase.TRAINING, 80)
    assert sent[-1].evaluation_seconds is None


def test_the_pace_knows_between_what_the_middle_half_of_the_steps_lies():
    pace = Pace()
    for seconds in (1.0, 1.0, 1.0):
        pace.add(seconds, 10)
    assert pace.quartiles is None
    for seconds in (2.0, 2.0, 3.0, 9.0):
        pace.add(seconds, 10)
    assert (pace.quartiles.low, pace.quartiles.high) == (1.0, 3.0)


def test_a_newer_images_heartbeat_is_read_all_the_same(spec, tmp_path, clock):
    sent = []
    Heartbeat(spec, 3, tmp_path / "progress.json", sent.append, clock).enter(Phase.TRAINING, 32)
    newer = sent[0].model_dump(mode="json") | {"a_new_key": 1}
    assert Progress.model_validate(newer) == sent[0]
