"""Billed seconds by state: the overlap of two lists of times."""

from __future__ import annotations

from datetime import timedelta

import pytest
from slm_core.records import LaunchRecord

from fine_tune_slm.report.billing import Stretch, billed_by_state, billed_stretches
from fine_tune_slm.timeline import Timeline


@pytest.fixture
def timeline(history):
    timeline = Timeline()
    steps = history().state("PrepareRun", 10).state("StartInstance", 10).state("AwaitTraining", 30, "Wait")
    timeline.ingest(steps.state("StopInstance", 10).state("AssessModel", 5).end("ExecutionSucceeded").events)
    return timeline


def at(timeline, seconds):
    return timeline.started_at + timedelta(seconds=seconds)


def test_a_state_is_billed_for_as_long_as_the_instance_ran_in_it(timeline):
    billed = billed_by_state(timeline, [Stretch(at(timeline, 15), at(timeline, 55))])
    assert billed == {
        "PrepareRun": 0.0,
        "StartInstance": 5.0,
        "AwaitTraining": 30.0,
        "StopInstance": 5.0,
        "AssessModel": 0.0,
    }


def test_a_relaunch_is_not_billed_for_the_time_in_between(timeline):
    first, second = Stretch(at(timeline, 20), at(timeline, 25)), Stretch(at(timeline, 40), at(timeline, 50))
    assert billed_by_state(timeline, [first, second])["AwaitTraining"] == 15.0


def with_instance(record, **changes):
    return record.model_copy(update={"instance": record.instance.model_copy(update=changes)})


def test_every_launch_of_the_record_counts_and_one_not_seen_stopped_until_its_end(record):
    began = record.started_at
    launches = (
        LaunchRecord(instance_type="g6.2xlarge", launched_at=began, stopped_at=began + timedelta(seconds=9)),
        LaunchRecord(instance_type="g6.2xlarge", launched_at=began + timedelta(seconds=20)),
    )
    stretches = billed_stretches(with_instance(record, launches=launches))
    assert [(one.ends_at - one.begins_at).total_seconds() for one in stretches] == [9, 340]


def test_a_record_from_before_launches_were_listed_has_one(record):
    begins, ends = record.started_at, record.started_at + timedelta(minutes=5)
    assert billed_stretches(with_instance(record, launched_at=begins, stopped_at=ends)) == [Stretch(begins, ends)]


def test_a_run_that_touched_no_instance_is_billed_nothing(record):
    assert billed_stretches(record) == []
    assert billed_stretches(record.model_copy(update={"instance": None})) == []
    assert billed_stretches(None) == []
