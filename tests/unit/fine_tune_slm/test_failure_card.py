from __future__ import annotations

import pytest
from slm_core.failure import Explained, with_instance

from fine_tune_slm.desk.place import Whereabouts
from fine_tune_slm.failure_card import failure_card
from fine_tune_slm.summary import failure_text
from fine_tune_slm.timeline import Timeline


@pytest.fixture
def timeline(failed_history) -> Timeline:
    timeline = Timeline()
    timeline.ingest(failed_history.events)
    return timeline


def test_the_card_tells_what_the_record_says(failed_record, timeline):
    card = failure_card("r", failed_record, timeline)
    assert (card.state, card.error) == ("CheckTraining", "TrainingOutOfMemoryError")
    assert card.instance_state == "stopped"
    assert card.is_instance_safe
    assert card.last_checkpoint_step == 24
    assert card.next_command == "fine-tune-slm resume r"


def test_without_a_record_the_history_is_told_and_the_instance_is_not_called_safe(timeline):
    card = failure_card("r", None, timeline, Whereabouts(stage="prod"))
    assert (card.state, card.error, card.cause) == (
        "StartTraining",
        "CommandUndeliverableError",
        "The agent is silent.",
    )
    assert not card.is_instance_safe
    assert card.next_command == "fine-tune-slm start --stage prod"


def test_the_users_own_mistake_leaves_nothing_to_resume(failed_record, timeline):
    failure = failed_record.failure.model_copy(update={"error": "ConfigInvalidError", "state": "PrepareRun"})
    card = failure_card("r", failed_record.model_copy(update={"failure": failure}), timeline)
    assert card.next_command.startswith("nothing was started: Correct the named keys")


def test_the_command_that_goes_on_has_the_options_by_which_the_run_was_found(failed_record, timeline):
    where = Whereabouts(stage="prod", region="eu-west-1")
    options = "--stage prod --region eu-west-1"
    assert failure_card("r", failed_record, timeline, where).next_command == f"fine-tune-slm resume r {options}"
    assert failure_card("r", None, timeline, where).next_command == f"fine-tune-slm start {options}"
    elsewhere = Whereabouts(root="elsewhere")
    assert failure_card("r", None, timeline, elsewhere).next_command == "fine-tune-slm rehearse --root elsewhere"


def test_an_aborted_execution_has_a_card_too(history):
    timeline = Timeline()
    timeline.ingest(history().enter("AwaitTraining", "Wait").wait(3).end("ExecutionAborted").events)
    card = failure_card("r", None, timeline)
    assert (card.state, card.error, card.status) == ("AwaitTraining", "ABORTED", "aborted")


def test_the_card_of_a_rehearsal_tells_no_aws_command_for_an_emulated_instance(failed_record, timeline):
    instance = failed_record.instance.model_copy(update={"state": "stopping"})
    warned = with_instance(Explained(error="DiskFullError", cause="The disk is full."), instance)
    failure = failed_record.failure.model_copy(update={"cause": warned.cause})
    record = failed_record.model_copy(update={"failure": failure, "instance": instance})
    told = failure_text(failure_card("r", record, timeline))
    assert "The disk is full." in told
    assert "is stopping, when last seen; it is emulated and ends with its rehearsal" in told
    assert "aws ec2" not in told
    assert "NOT KNOWN TO BE STOPPED" not in told
    told = failure_text(failure_card("r", record, timeline, Whereabouts(stage="prod")))
    assert "aws ec2 stop-instances" in told
    assert "NOT KNOWN TO BE STOPPED" in told


def test_the_gates_table_keeps_its_lines_under_one_another(failed_record, timeline):
    failure = failed_record.failure.model_copy(
        update={"error": "ModelRejectedError", "cause": "1 missed:\nMISSED x\nmet y"}
    )
    card = failure_card("r", failed_record.model_copy(update={"failure": failure}), timeline)
    lines = failure_text(card).splitlines()
    first = next(number for number, line in enumerate(lines) if "1 missed:" in line)
    column = lines[first].index("1 missed:") - len("[bold][/]")
    assert lines[first + 1 : first + 3] == [" " * column + "MISSED x", " " * column + "met y"]
