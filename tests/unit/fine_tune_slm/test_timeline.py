from __future__ import annotations

from fine_tune_slm.timeline import Timeline


def test_a_state_has_the_length_between_its_entry_and_its_exit(history):
    timeline = Timeline()
    timeline.ingest(history().state("PrepareRun", 4.0).events)
    assert [(visit.name, visit.seconds) for visit in timeline.visits] == [("PrepareRun", 4.0)]


def test_events_that_were_seen_before_are_not_counted_again(history):
    events = history().state("PrepareRun").state("StartInstance").events
    timeline = Timeline()
    timeline.ingest(events[:3])
    timeline.ingest(events)
    assert [visit.name for visit in timeline.visits] == ["PrepareRun", "StartInstance"]
    assert timeline.ingest(events) == []


def test_a_caught_failure_ends_the_stay_when_the_next_state_is_entered(failed_history):
    timeline = Timeline()
    timeline.ingest(failed_history.events)
    start_training = next(visit for visit in timeline.visits if visit.name == "StartTraining")
    assert start_training.seconds == 2.0
    assert start_training.error == "CommandUndeliverableError"
    assert timeline.failed_visit is start_training


def test_an_error_that_a_retry_healed_is_no_failure(history):
    events = history().enter("PublishModel").failed_attempt("HubUnavailableError").wait(3)
    events.add("TaskScheduled").add("TaskSucceeded").wait(1).leave("PublishModel")
    timeline = Timeline()
    timeline.ingest(events.events)
    assert timeline.failed_visit is None
    assert timeline.visits[0].attempts == 2


def test_the_ending_carries_status_error_and_cause(failed_history):
    timeline = Timeline()
    timeline.ingest(failed_history.events)
    assert (timeline.status, timeline.error) == ("FAILED", "CommandUndeliverableError")
    assert timeline.cause == "The agent is silent."
    assert timeline.seconds == 9.0


def test_an_ending_that_the_history_lacks_is_taken_from_the_description(history):
    stopped = history().enter("AwaitTraining", "Wait").wait(7)
    timeline = Timeline()
    timeline.ingest(stopped.events)
    ended = timeline.conclude({"status": "ABORTED", "stopDate": stopped.wait(0)._now, "error": "Interrupted"})
    assert [visit.name for visit in ended] == ["AwaitTraining"]
    assert (timeline.status, timeline.error, timeline.current) == ("ABORTED", "Interrupted", None)


def test_the_totals_add_up_all_visits_in_the_order_of_first_entry(history):
    timeline = Timeline()
    timeline.ingest(history().state("StartTraining").poll(5).poll(10).state("StopInstance").events)
    totals = {total.name: (total.visits, total.seconds) for total in timeline.totals()}
    assert totals["AwaitTraining"] == (2, 15.0)
    assert list(totals) == ["StartTraining", "AwaitTraining", "CheckTraining", "HowTrainingGoes", "StopInstance"]


def test_a_relaunch_is_no_poll_repeat(history):
    relaunched = history().state("StartInstance").poll().poll().state("StopBeforeRelaunch").state("StartInstance")
    timeline = Timeline()
    timeline.ingest(relaunched.events)
    repeats = [visit.name for visit in timeline.visits if timeline.is_poll_repeat(visit)]
    assert repeats == ["AwaitTraining", "CheckTraining", "HowTrainingGoes"]
